"""A microphone that passes each utterance on whole: LiveKit's source cuts it into frames and sends silence between.

For many callers at once: it costs almost nothing, while building frames one by one costs a tenth of a core.
"""

import asyncio
from collections.abc import Awaitable, Callable

import numpy as np

from infra.caller.wav import Samples

PIECE_S = 0.5
"""Length of a piece passed on at once."""
QUEUE_MS = 1000
"""Capacity of the source: the piece that plays and the next."""
TICK_S = 0.01
"""The source reads 10 ms at each of its ticks; the first is at most this far away."""


class SpokenWhole:
    """Opened when the call begins: from then on its clock is the caller's."""

    def __init__(self, rate_hz: int) -> None:
        self.rate_hz = rate_hz
        self._began_s = asyncio.get_running_loop().time()
        self._saying: Samples = np.zeros(0, np.int16)
        self._over_s = 0.0
        self._begun = asyncio.Event()

    def say(self, samples: Samples) -> int:
        """Start an utterance; return the sample of the caller's time at which it starts.

        A frame can only be sent once its last sample has been spoken; the source sends it then or up to a tick later.
        Counted as spoken a tick before now, an utterance is at most 10 ms older than it seems, never younger.
        """
        start_s = max(0.0, self._now_s() - TICK_S)
        self._saying = samples
        self._over_s = start_s + len(samples) / self.rate_hz
        self._begun.set()
        return round(start_s * self.rate_hz)

    async def said(self) -> None:
        """Wait until the whole utterance has been spoken."""
        await asyncio.sleep(self._over_s - self._now_s())

    def _now_s(self) -> float:
        return asyncio.get_running_loop().time() - self._began_s

    async def send(self, give: Callable[[bytes], Awaitable[None]]) -> None:
        """Pass on what is said, until cancelled; `give` accepts a piece, and waits for room for it."""
        size = round(PIECE_S * self.rate_hz)
        while True:
            await self._begun.wait()
            self._begun.clear()
            saying = self._saying
            for start in range(0, len(saying), size):
                await give(saying[start : start + size].astype("<i2").tobytes())
