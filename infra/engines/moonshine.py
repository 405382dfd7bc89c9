"""Moonshine, the local speech to text: the English tiny model in its wheel. Needs no key and no network."""

import asyncio
import contextlib
import queue
import threading
import uuid
from collections.abc import Callable

import numpy as np
from livekit.agents import LanguageCode, stt, utils
from livekit.agents.types import NOT_GIVEN, APIConnectOptions, NotGivenOr
from livekit.agents.utils import AudioBuffer

from infra.engines.moonshine_model import MoonshineModel, Recognized, Sound

SAMPLE_RATE_HZ = 16_000


class _Model:
    """One loaded model on its own daemon thread, one run at a time: a hung run ends with the process."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._network: MoonshineModel | None = None
        threading.Thread(target=self._work, name="moonshine", daemon=True).start()

    def transcribe(self, samples: Sound) -> Recognized:
        if self._network is None:
            self._network = MoonshineModel()
        return self._network.hear(samples)

    async def run(self, samples: Sound) -> Recognized:
        """Return the words, recognised on this model's thread. If cancelled, the thread continues."""
        loop = asyncio.get_running_loop()
        result: asyncio.Future[Recognized] = loop.create_future()

        def tell(heard: Recognized, error: BaseException | None) -> None:
            if result.done():
                return
            if error is not None:
                result.set_exception(error)
            else:
                result.set_result(heard)

        def job() -> None:
            heard, problem = Recognized("", 0.0), None
            try:
                heard = self.transcribe(samples)
            except Exception as error:  # passed to the caller that waits for the words
                problem = error
            with contextlib.suppress(RuntimeError):  # the loop has closed meanwhile
                loop.call_soon_threadsafe(tell, heard, problem)

        self._jobs.put(job)
        return await result

    def close(self) -> None:
        """End the thread after its current run."""
        self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()


class MoonshineSTT(stt.STT[str]):
    """Batch recognition of one piece of speech: 40 ms for a word, 130 ms for 2.5 s, on one core.

    Give it speech with little silence around it: in longer silence it invents words. Runs at the same time each have
    their own model, 60 MB; the caller limits how many there are.
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
        """Name of the provider."""
        return "local"

    async def _recognize_impl(
        self, buffer: AudioBuffer, *, language: NotGivenOr[str] = NOT_GIVEN, conn_options: APIConnectOptions
    ) -> stt.SpeechEvent:
        frame = utils.combine_frames(buffer)
        if frame.sample_rate != SAMPLE_RATE_HZ or frame.num_channels != 1:
            raise ValueError(
                f"Moonshine needs 16 kHz mono, not {frame.sample_rate} Hz with {frame.num_channels} channels"
            )
        samples = np.frombuffer(frame.data, np.int16).astype(np.float32) / np.float32(32768)
        model = self._idle.pop() if self._idle else _Model()
        try:
            heard = await model.run(samples)
        except asyncio.CancelledError:
            # A run cannot be stopped and may hang forever: its thread and model are abandoned to it.
            model.close()
            raise
        except BaseException:
            self._idle.append(model)
            raise
        self._idle.append(model)
        data = stt.SpeechData(LanguageCode("en"), heard.text, confidence=heard.confidence)
        return stt.SpeechEvent(stt.SpeechEventType.FINAL_TRANSCRIPT, uuid.uuid4().hex, [data])

    async def aclose(self) -> None:
        """End the threads."""
        while self._idle:
            self._idle.pop().close()
