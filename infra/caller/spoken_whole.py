"""A microphone that hands each utterance over whole: LiveKit's source cuts it into frames and sends silence between.

It costs a caller next to nothing, where frames made one by one cost a tenth of a core: for many callers at once.
"""

import asyncio
from collections.abc import Awaitable, Callable

import numpy as np

from infra.caller.wav import Samples

PIECE_S = 0.5
"""What is handed over at once."""
QUEUE_MS = 1000
"""What the source may hold: a piece that plays and the next."""
TICK_S = 0.01
"""The source takes 10 ms at each of its ticks; the first is at most so far away."""


class SpokenWhole:
    """Opened as the call begins: from then on its clock is the caller's."""

    def __init__(self, rate_hz: int) -> None:
        self.rate_hz = rate_hz
        self._began_s = asyncio.get_running_loop().time()
        self._saying: Samples = np.zeros(0, np.int16)
        self._over_s = 0.0
        self._begun = asyncio.Event()

    def say(self, samples: Samples) -> int:
        """Begin an utterance; return the sample of the caller's time at which it starts.

        A frame can only be sent once its last sample has been spoken; the source sends one that early or up to a
        tick later. Taken as spoken a tick before now, an utterance is at most 10 ms older than it seems, never younger.
        """
        start_s = max(0.0, self._now_s() - TICK_S)
        self._saying = samples
        self._over_s = start_s + len(samples) / self.rate_hz
        self._begun.set()
        return round(start_s * self.rate_hz)

    async def said(self) -> None:
        """Wait until the utterance has been spoken whole."""
        await asyncio.sleep(self._over_s - self._now_s())

    def _now_s(self) -> float:
        return asyncio.get_running_loop().time() - self._began_s

    async def send(self, give: Callable[[bytes], Awaitable[None]]) -> None:
        """Hand over what is said, until cancelled; `give` takes a piece, and waits for room for it."""
        size = round(PIECE_S * self.rate_hz)
        while True:
            await self._begun.wait()
            self._begun.clear()
            saying = self._saying
            for start in range(0, len(saying), size):
                await give(saying[start : start + size].astype("<i2").tobytes())
