"""Engines of your own: a speech to text, a text to speech and a language model, each a class of a public interface.

    export PYTHONPATH=. DAREDEVIL_TTS=docs.examples.own_engines:ToneTTS,local
    daredevil doctor && daredevil run

They need no model and no key: put a call of yours where each of them decides what to say.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from livekit import rtc
from livekit.agents import APIConnectOptions, LanguageCode, stt, tts
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, NOT_GIVEN, NotGivenOr
from livekit.agents.utils import AudioBuffer


class LoudnessSTT(stt.STT[None]):
    """Takes everything that is loud enough for one word."""

    def __init__(self, *, word: str = "Hello.", loudness: int = 500) -> None:
        super().__init__(capabilities=stt.STTCapabilities(streaming=False, interim_results=False))
        self._word = word
        self._loudness = loudness

    async def _recognize_impl(
        self, buffer: AudioBuffer, *, language: NotGivenOr[str] = NOT_GIVEN, conn_options: APIConnectOptions
    ) -> stt.SpeechEvent:
        """Return the words in one utterance: 16 kHz, mono, int16."""
        samples = np.frombuffer(rtc.combine_audio_frames(buffer).data, np.int16)
        is_loud = np.abs(samples.astype(int)).max(initial=0) >= self._loudness
        heard = stt.SpeechData(LanguageCode("en"), self._word if is_loud else "", confidence=1.0)
        return stt.SpeechEvent(stt.SpeechEventType.FINAL_TRANSCRIPT, alternatives=[heard])


class ToneTTS(tts.TTS[None]):
    """Hums for as long as a text takes to say."""

    def __init__(self, *, pitch_hz: float = 220, sample_rate: int = 24_000) -> None:
        super().__init__(capabilities=tts.TTSCapabilities(streaming=False), sample_rate=sample_rate, num_channels=1)
        self.pitch_hz = pitch_hz

    def synthesize(
        self, text: str, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> tts.ChunkedStream:
        """Return the sound of one clause."""
        return _Tone(self, text, conn_options)


class _Tone(tts.ChunkedStream):
    def __init__(self, voice: ToneTTS, text: str, conn_options: APIConnectOptions) -> None:
        super().__init__(tts=voice, input_text=text, conn_options=conn_options)
        self._voice = voice

    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        rate_hz = self._voice.sample_rate
        output_emitter.initialize(request_id="tone", sample_rate=rate_hz, num_channels=1, mime_type="audio/pcm")
        at_s = np.arange(int(0.07 * len(self.input_text) * rate_hz)) / rate_hz
        tone = 6_000 * np.sin(2 * np.pi * self._voice.pitch_hz * at_s)
        output_emitter.push(tone.astype("<i2").tobytes())  # piece by piece, where the sound comes so


class ParrotLLM(BaseChatModel):
    """Says again what it was told last."""

    prefix: str = "You said:"

    @property
    def _llm_type(self) -> str:
        return "parrot"

    async def _astream(
        self, messages: list[BaseMessage], *args: Any, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        for word in f"{self.prefix} {messages[-1].text}".split():
            yield ChatGenerationChunk(message=AIMessageChunk(content=f"{word} "))
            await asyncio.sleep(0)

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        raise NotImplementedError("answers are always streamed")
