"""LiveKit's local end-of-turn model, through the detector of `livekit.agents` as its licence requires."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from livekit import rtc

from infra.engines.plugins import engine_class

log = logging.getLogger(__name__)

SAMPLE_RATE_HZ = 16_000
HEARD_SAMPLES = 19_200
"""The model's input: the last 1.2 s."""

TIMEOUT_S = 0.5
_DRAIN_STEPS = 6
"""Iterations of the event loop after which the detector's own task has certainly read the pushed sound."""


def detector_named(name: str) -> Callable[[], Any]:
    """Return the factory of a named detector: `local`, or `module:Class` of one with `livekit.agents`' interface."""
    return _make_local if name == "local" else lambda: engine_class(name, "TurnDetector")()


def _make_local() -> Any:
    from livekit.agents.inference.eot import TurnDetector

    return TurnDetector(version="v1-mini")


class EndOfTurn:
    """The end-of-turn model of a process; without it (not installed, broken) silence alone decides."""

    def __init__(self, make_detector: Callable[[], Any] = _make_local) -> None:
        self._detector: Any = None
        self.failure: str | None = None
        """Why there is no model; None while there is."""
        try:
            self._detector = make_detector()
        except Exception as error:  # an optional engine: whatever prevents it from loading
            self.failure = f"{type(error).__name__}: {error}"
            log.warning("end-of-turn model: %s; silence alone decides", self.failure)

    def track(self) -> "TrackEndOfTurn":
        """Return the detector of one track."""
        return TrackEndOfTurn(self._detector)

    async def warm_up(self) -> None:
        """Load the model and run it once."""
        track = self.track()
        await track.probability(np.zeros(HEARD_SAMPLES, np.int16), timeout_s=20)
        await track.aclose()


class TrackEndOfTurn:
    """Runs the model on one track, one prediction at a time."""

    def __init__(self, detector: Any) -> None:
        self._detector = detector
        self._stream: Any = None
        self._asking = asyncio.Lock()

    async def probability(self, samples: npt.NDArray[np.int16], timeout_s: float = TIMEOUT_S) -> float | None:
        """Return P(turn ended) after `samples` (16 kHz; the last 1.2 s count), None if the model is too slow."""
        if self._detector is None or not len(samples):
            return None
        try:
            async with self._asking, asyncio.timeout(timeout_s):
                return await self._ask(samples[-HEARD_SAMPLES:])
        except Exception as error:  # whatever the engine raises: silence alone decides then
            log.warning("end-of-turn model: %r", error)
            await self.aclose()
            return None

    async def _ask(self, samples: npt.NDArray[np.int16]) -> float | None:
        if self._stream is None:
            self._stream = self._detector.stream()
        self._stream.flush()
        self._stream.push_audio(rtc.AudioFrame(samples.tobytes(), SAMPLE_RATE_HZ, 1, len(samples)))
        for _ in range(_DRAIN_STEPS):
            await asyncio.sleep(0)
        probability = float((await self._stream.predict()).end_of_turn_probability)
        # The detector reports its own failure as exactly zero.
        return min(1.0, probability) if probability > 0 else None

    async def aclose(self) -> None:
        """End the detector's task."""
        stream, self._stream = self._stream, None
        if stream is not None:
            await stream.aclose()
