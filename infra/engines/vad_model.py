"""The model of voice activity, run once for all tracks that have a window at the same time.

Doors send the frames of many microphones together, so several tracks have a window in the same turn of the event loop:
five, where 24 talk. Eight windows in one run take half the time of eight runs, with the same results.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Sound = npt.NDArray[np.float32]

SAMPLE_RATE_HZ = 16_000
WINDOW_SAMPLES = 512
CONTEXT_SAMPLES = 64
"""The end of the previous window, which comes before each one."""

STATE_LAYERS, STATE_UNITS = 2, 128
MOST_TOGETHER = 16
"""Most windows of one run, 1 ms: nothing else in the event loop waits for longer."""


@dataclass(slots=True)
class TrackMemory:
    """What the model remembers of one track."""

    context: Sound = field(default_factory=lambda: np.zeros(CONTEXT_SAMPLES, np.float32))
    state: Sound = field(default_factory=lambda: np.zeros((STATE_LAYERS, STATE_UNITS), np.float32))


class VoiceDetection:
    """The loaded model, `session` of ONNX Runtime, for all tracks of a process."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._rate = np.array(SAMPLE_RATE_HZ, np.int64)
        self._due: list[tuple[TrackMemory, Sound, asyncio.Future[float]]] = []

    async def judged(self, memory: TrackMemory, window: Sound) -> float:
        """Return the probability of speech in a track's next window, -1 to 1, with what else is due by then.

        Raises what ONNX Runtime raises.
        """
        loop = asyncio.get_running_loop()
        found: asyncio.Future[float] = loop.create_future()
        if not self._due:
            loop.call_soon(self._judge_due)
        self._due.append((memory, window, found))
        return await found

    def judge(self, memories: Sequence[TrackMemory], windows: Sequence[Sound]) -> list[float]:
        """Return the probability of speech in the next window of each of these tracks."""
        sound = np.empty((len(windows), CONTEXT_SAMPLES + WINDOW_SAMPLES), np.float32)
        for row, memory, window in zip(sound, memories, windows, strict=True):
            row[:CONTEXT_SAMPLES] = memory.context
            row[CONTEXT_SAMPLES:] = window
        state = np.stack([memory.state for memory in memories], axis=1)
        found, state = self._session.run(None, {"input": sound, "state": state, "sr": self._rate})
        for number, memory in enumerate(memories):
            memory.context, memory.state = sound[number, -CONTEXT_SAMPLES:], state[:, number]
        return [float(each) for each in found[:, 0]]

    def _judge_due(self) -> None:
        due, self._due = self._due, []
        for first in range(0, len(due), MOST_TOGETHER):
            memories, windows, futures = zip(*due[first : first + MOST_TOGETHER], strict=True)
            try:
                found = self.judge(memories, windows)
            except Exception as error:  # whatever the runtime raises is for those who wait
                for future in futures:
                    if not future.done():
                        future.set_exception(error)
                continue
            for future, probability in zip(futures, found, strict=True):
                if not future.done():
                    future.set_result(probability)
