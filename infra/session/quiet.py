"""Which frames of a quiet microphone may wait to go together. Pure.

A frame costs those who send, carry, hear and record it nearly the same whatever is in it.
"""

import numpy as np

from contracts.audio import FRAME_MS

QUIET_PEAK = 32
"""Up to this level, 60 dB below full scale, nobody speaks."""

SURELY_QUIET_FRAMES = 3_000 // FRAME_MS
"""After so much quiet no turn is about to end: nothing depends any more on when more of it is heard."""

QUIET_AFTER_TURN_FRAMES = 300 // FRAME_MS
"""The same where the speaker's turn is known to be over, and no other has begun."""

MOST_JOINED = 5
"""How many frames of quiet go in one."""


class Quiet:
    """One microphone's frames of 20 ms, asked about one after the other."""

    def __init__(self) -> None:
        self.may_end_turn = True
        """Whether its silence may end a turn: it is awaited then."""
        self._frames = 0

    def waits(self, newest: bytes | bytearray, held: int) -> bool:
        """Return whether `held` frames, of which this is the newest (int16 little endian), may wait for the next."""
        self._frames = self._frames + 1 if _is_quiet(newest) else 0
        enough = SURELY_QUIET_FRAMES if self.may_end_turn else QUIET_AFTER_TURN_FRAMES
        return self._frames > enough and held < MOST_JOINED


def _is_quiet(frame: bytes | bytearray) -> bool:
    if frame == bytes(len(frame)):  # muted: a hundredth of the time
        return True
    samples = np.frombuffer(frame, "<i2")
    return bool(np.maximum.reduce(samples) <= QUIET_PEAK and np.minimum.reduce(samples) >= -QUIET_PEAK)
