"""Moonshine, the local speech to text: the English tiny model that lies in its wheel. Needs no key and no network."""

import asyncio
import os
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from livekit.agents import stt, utils
from livekit.agents.types import NOT_GIVEN, APIConnectOptions, NotGivenOr
from livekit.agents.utils import AudioBuffer

SAMPLE_RATE_HZ = 16_000

_OPTIONS = {
    # Its own voice detection puts a "You" in front of leading silence; ours has cut the speech out already.
    "vad_threshold": "0",
    "return_audio_data": "false",
}


_loading = threading.Lock()
"""The library can't be loaded by two threads at once."""


class _Model:
    """One loaded model on one thread of its own: a started run delays only those after it here."""

    def __init__(self) -> None:
        self.executor = ThreadPoolExecutor(1, thread_name_prefix="moonshine")
        self._transcriber: Any = None

    def transcribe(self, samples: list[float]) -> str:
        if self._transcriber is None:
            # One thread without spinning: 2.5 times less CPU than two. Read when the library is loaded.
            os.environ["MOONSHINE_ORT_SINGLE_THREAD"] = "1"
            from moonshine_voice import ModelArch, get_assets_path
            from moonshine_voice.transcriber import Transcriber

            with _loading:
                self._transcriber = Transcriber(f"{get_assets_path()}/tiny-en", ModelArch.TINY, options=_OPTIONS)
        transcript = self._transcriber.transcribe_without_streaming(samples, SAMPLE_RATE_HZ)
        return " ".join(line.text.strip() for line in transcript.lines if line.text.strip())


class MoonshineSTT(stt.STT[str]):
    """Batch recognition of one piece of speech: 40 ms for a word, 130 ms for 2.5 s, on one core.

    Give it speech with little silence around: on longer silence it makes words up.
    """

    def __init__(self) -> None:
        super().__init__(capabilities=stt.STTCapabilities(streaming=False, interim_results=False))
        self._model = _Model()

    @property
    def model(self) -> str:
        """Name of the model."""
        return "moonshine-tiny-en"

    @property
    def provider(self) -> str:
        """Name of who made it."""
        return "local"

    async def _recognize_impl(
        self, buffer: AudioBuffer, *, language: NotGivenOr[str] = NOT_GIVEN, conn_options: APIConnectOptions
    ) -> stt.SpeechEvent:
        frame = utils.combine_frames(buffer)
        if frame.sample_rate != SAMPLE_RATE_HZ or frame.num_channels != 1:
            raise ValueError(f"16 kHz mono was expected, not {frame.sample_rate} Hz, {frame.num_channels} channels")
        samples = (np.frombuffer(frame.data, np.int16).astype(np.float32) / 32768).tolist()
        model = self._model
        try:
            text = await asyncio.get_running_loop().run_in_executor(model.executor, model.transcribe, samples)
        except asyncio.CancelledError:
            # A run cannot be stopped: leave its thread to it, and take a new one if it may hang.
            self._model = _Model()
            model.executor.shutdown(wait=False, cancel_futures=True)
            raise
        data = stt.SpeechData(language="en", text=text)  # type: ignore[arg-type]  # it makes a LanguageCode of it
        return stt.SpeechEvent(stt.SpeechEventType.FINAL_TRANSCRIPT, uuid.uuid4().hex, [data])

    async def aclose(self) -> None:
        """Let the thread go."""
        self._model.executor.shutdown(wait=False, cancel_futures=True)
