"""Silero voice activity detection, window by window; more than a moment's sound runs on its own thread."""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
from livekit.plugins.silero.onnx_model import new_inference_session

from infra.engines.vad_model import SAMPLE_RATE_HZ as SAMPLE_RATE_HZ
from infra.engines.vad_model import WINDOW_SAMPLES as WINDOW_SAMPLES
from infra.engines.vad_model import Sound, TrackMemory, VoiceDetection

log = logging.getLogger(__name__)

MAX_BATCH = 64
"""Most windows per call (2 s of sound, 15 ms of work), so that one track's catch-up does not delay another."""

QUICK_WINDOWS = 2
"""This few, as in live sound, run on the event loop, 0.1 ms each: the way to the thread and back costs more."""

MOST_SILENT_WINDOWS = 31
"""After so much digital silence (1 s), as a muted microphone sends it, the model is not asked before there is sound.

It remembers less silence then. Over 23 recordings that begin after 6 s of it, speech was found in the same window (21)
or one earlier (2), with and without the rest of the silence; 5 of 1,558 windows were on the other side of 0.5.
"""

Samples = npt.NDArray[np.int16]
LOUD = 0.01
"""Root mean square, of full scale, above which a window counts as speech when the model fails."""


class SileroVad:
    """The loaded model (one ONNX thread, no spinning), shared by all tracks of a process."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="vad")
        self._model = VoiceDetection(new_inference_session(True))

    def track(self) -> "TrackVad":
        """Return the detector of one track, with its own state."""
        return TrackVad(self._model, self._executor)

    async def warm_up(self) -> None:
        """Run the model once."""
        await self.track().probabilities(np.zeros(WINDOW_SAMPLES, np.int16))

    def close(self) -> None:
        """End the thread."""
        self._executor.shutdown(wait=False, cancel_futures=True)


class TrackVad:
    """Voice activity of one track: windows must be passed in order."""

    def __init__(self, model: VoiceDetection, executor: ThreadPoolExecutor) -> None:
        self._model = model
        self._memory = TrackMemory()
        self._executor = executor
        self._silent_windows = 0
        self.failure: str | None = None
        """Why loudness is used instead of the model; None while the model works."""

    async def probabilities(self, samples: Samples) -> list[float]:
        """Return the speech probability of each whole window in `samples` (int16, mono, 16 kHz)."""
        windows = samples[: len(samples) // WINDOW_SAMPLES * WINDOW_SAMPLES].reshape(-1, WINDOW_SAMPLES)
        if len(windows) <= QUICK_WINDOWS:
            return [await self._live(window) for window in _scaled(windows)]
        found: list[float] = []
        loop = asyncio.get_running_loop()
        for first in range(0, len(windows), MAX_BATCH):
            found += await loop.run_in_executor(self._executor, self._run, windows[first : first + MAX_BATCH])
        return found

    async def _live(self, window: Sound) -> float:
        if self.failure is None:
            try:
                return await self._model.judged(self._memory, window) if self._is_asked(window) else 0.0
            except Exception as error:  # whatever the runtime raises, the call must continue
                self._fail(error)
        return _by_loudness(window)

    def _run(self, windows: Samples) -> list[float]:
        return [self._judged(window) for window in _scaled(windows)]

    def _judged(self, window: Sound) -> float:
        if self.failure is None:
            try:
                return self._model.judge([self._memory], [window])[0] if self._is_asked(window) else 0.0
            except Exception as error:  # as above
                self._fail(error)
        return _by_loudness(window)

    def _is_asked(self, window: Sound) -> bool:
        self._silent_windows = 0 if window.any() else self._silent_windows + 1
        return self._silent_windows <= MOST_SILENT_WINDOWS

    def _fail(self, error: Exception) -> None:
        self.failure = f"{type(error).__name__}: {error}"
        log.error("voice activity: %s; loudness is used instead", self.failure)


def _scaled(windows: Samples) -> Sound:
    return windows.astype(np.float32) / np.float32(32768)


def _by_loudness(window: Sound) -> float:
    return 1.0 if np.sqrt(np.mean(window**2)) > LOUD else 0.0
