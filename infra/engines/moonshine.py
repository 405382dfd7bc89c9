"""Moonshine, the local speech to text: the English tiny model that lies in its wheel. Needs no key and no network."""

import asyncio
import contextlib
import os
import queue
import threading
import uuid
from collections.abc import Callable
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
    """One loaded model on one thread of its own: one run at a time. The thread is a daemon: a hung run ends with us."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._transcriber: Any = None
        threading.Thread(target=self._work, name="moonshine", daemon=True).start()

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

    async def run(self, samples: list[float]) -> str:
        """Return the words, from this model's thread. If it is cancelled, the thread goes on."""
        loop = asyncio.get_running_loop()
        result: asyncio.Future[str] = loop.create_future()

        def tell(text: str, error: BaseException | None) -> None:
            if result.done():
                return
            if error is not None:
                result.set_exception(error)
            else:
                result.set_result(text)

        def job() -> None:
            text, problem = "", None
            try:
                text = self.transcribe(samples)
            except Exception as error:  # for whoever waits for the words
                problem = error
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(tell, text, problem)

        self._jobs.put(job)
        return await result

    def close(self) -> None:
        """End the thread after what it does now."""
        self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()


class MoonshineSTT(stt.STT[str]):
    """Batch recognition of one piece of speech: 40 ms for a word, 130 ms for 2.5 s, on one core.

    Give it speech with little silence around: on longer silence it makes words up. Every run that goes on at the
    same time has a model of its own, 60 MB; whoever calls bounds how many there are.
    """

    def __init__(self) -> None:
        super().__init__(capabilities=stt.STTCapabilities(streaming=False, interim_results=False))
        self._idle: list[_Model] = []

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
        model = self._idle.pop() if self._idle else _Model()
        try:
            text = await model.run(samples)
        except asyncio.CancelledError:
            # A run cannot be stopped and may hang for ever: its thread and model are left to it.
            model.close()
            raise
        except BaseException:
            self._idle.append(model)
            raise
        self._idle.append(model)
        data = stt.SpeechData(language="en", text=text)  # type: ignore[arg-type]  # it makes a LanguageCode of it
        return stt.SpeechEvent(stt.SpeechEventType.FINAL_TRANSCRIPT, uuid.uuid4().hex, [data])

    async def aclose(self) -> None:
        """Let the threads go."""
        while self._idle:
            self._idle.pop().close()
