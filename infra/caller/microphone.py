"""A microphone that hears the utterances it is given, and silence otherwise, in short frames."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress

import numpy as np

from infra.caller.wav import Samples
from infra.session.quiet import MOST_JOINED, Quiet

FRAMES_PER_S = 50

EARLY_S = 0.001
"""A loop wakes that much too early, as its timers count whole milliseconds."""


class Microphone:
    """Yields sound frame by frame; its position in samples is the caller's clock. Opened when the call begins."""

    def __init__(self, rate_hz: int, frames_per_s: int = FRAMES_PER_S) -> None:
        self.rate_hz = rate_hz
        self._began_s = asyncio.get_running_loop().time()
        self._frames_per_s = frames_per_s
        self._frames = 0
        self._saying: Samples = np.zeros(0, np.int16)
        self._said = asyncio.Event()
        self._said.set()
        self._speaks = asyncio.Event()
        self._held: list[bytes] = []
        """Frames of quiet that wait to be joined."""
        self._pieces: deque[bytes] = deque()
        """What is to be sent now."""
        self.quiet: Quiet | None = None
        """Which frames are sent together, where they have 20 ms; None to send each by itself."""

    @property
    def position(self) -> int:
        """Samples recorded so far."""
        return self._frames * self.rate_hz // self._frames_per_s

    @property
    def next_due_s(self) -> float:
        """When the next frame is complete: a frame can only be sent once its last sample has been heard."""
        return (self._frames + 1) * self.rate_hz // self._frames_per_s / self.rate_hz

    def say(self, samples: Samples) -> int:
        """Start an utterance with the next frame; return the position at which it starts."""
        self._hear()
        self._saying = samples
        self._said.clear()
        self._speaks.set()
        return self.position

    async def said(self) -> None:
        """Wait until the whole utterance has been heard."""
        await self._said.wait()

    def frame(self) -> bytes:
        """Return the next frame: 16-bit little endian."""
        begin = self.position
        self._frames += 1
        count = self.position - begin
        piece, self._saying = self._saying[:count], self._saying[count:]
        if not len(self._saying):
            self._said.set()
        frame = np.zeros(count, "<i2")
        frame[: len(piece)] = piece
        return frame.tobytes()

    async def send(self, give: Callable[[bytes], Awaitable[None]]) -> None:
        """Send frame by frame, on the clock, until cancelled: a late frame does not delay the next."""
        while True:
            await self._until_due()
            self._hear()
            while self._pieces:
                await give(self._pieces.popleft())

    def _hear(self) -> None:
        """Hear the frames that are due."""
        now_s = asyncio.get_running_loop().time() - self._began_s
        while self.next_due_s <= now_s + EARLY_S:
            frame = self.frame()
            self._held.append(frame)
            if self.quiet is None or not self.quiet.waits(frame, len(self._held)):
                self._pieces.append(b"".join(self._held))
                self._held.clear()

    async def _until_due(self) -> None:
        """Sleep until the next frame is complete; where quiet is sent in longer pieces, until a piece is, or speech."""
        due_s = self.next_due_s
        if self._held and not len(self._saying):
            due_s += (MOST_JOINED - len(self._held) - 1) / self._frames_per_s
            self._speaks.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout_at(self._began_s + due_s):
                    await self._speaks.wait()
        else:
            await asyncio.sleep(due_s - (asyncio.get_running_loop().time() - self._began_s))
