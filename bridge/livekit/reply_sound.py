"""The sound of one reply at the room's loudspeaker: what has come, what went to the source, what was heard. Pure."""

import numpy as np
import soxr

from contracts.audio import ROOM_OUT_FRAME_MS

AUDIBLE = 256
"""Samples up to this amplitude count as silence (-42 dB of full scale): voices begin with near-silence."""

TICK_MS = 10
"""WebRTC's audio sources take multiples of it."""

KEPT_S = 1.0
"""How much heard sound is kept, because a pause goes back to what was not heard."""


class RoomReplySound:
    """Positions are samples of the reply at `rate_hz`; frames come at `out_rate_hz`, that of the room's source.

    A reply of which no sound was ever made has no rate (0).
    """

    def __init__(self, reply_id: str, rate_hz: int, out_rate_hz: int) -> None:
        rate_hz = rate_hz or out_rate_hz
        self.reply_id = reply_id
        self._ratio = rate_hz / out_rate_hz
        self._out_rate_hz = out_rate_hz
        self._resampler: soxr.ResampleStream | None = None
        if rate_hz != out_rate_hz:
            self._resampler = soxr.ResampleStream(rate_hz, out_rate_hz, 1, dtype="int16", quality="MQ")
        self._pcm = bytearray()
        self._first = 0
        """Place of the first sample that is kept."""
        self._next = 0
        self._searched = 0
        self._onset: int | None = None
        self._total: int | None = None
        self.started = False
        """Whether its beginning was reported."""

    def add(self, pcm: bytes, last: bool = False) -> None:
        """Take the next sound of it (int16 little endian, mono)."""
        if self._resampler is not None:
            pcm = self._resampler.resample_chunk(np.frombuffer(pcm, dtype="<i2"), last=last).astype("<i2").tobytes()
        self._pcm += pcm

    def complete(self, samples: int) -> None:
        """Note that all of its sound has come: `samples` at its own rate."""
        if self._resampler is not None:
            self.add(b"", last=True)
        self._total = samples

    @property
    def handed_over(self) -> bool:
        """Whether all of its sound has come and went to the source."""
        return self._total is not None and self._next >= self._end

    @property
    def _end(self) -> int:
        return self._first + len(self._pcm) // 2

    def frame(self) -> bytes | None:
        """Return the next 10 to 40 ms; None if less has come. The last frame is filled up with silence."""
        there = self._end - self._next
        tick = self._out_rate_hz * TICK_MS // 1000
        ticks = min(there // tick, ROOM_OUT_FRAME_MS // TICK_MS)
        if ticks == 0 and (there == 0 or self._total is None):
            return None
        size = max(ticks, 1) * tick
        begin = (self._next - self._first) * 2
        data = bytes(self._pcm[begin : begin + size * 2])
        self._next += len(data) // 2
        return data.ljust(size * 2, b"\0")

    def go_back(self, queued_s: float) -> None:
        """Take back what went to the source and was not heard: it is the next to be played."""
        self._next = self._heard(queued_s)

    def heard_samples(self, queued_s: float) -> int:
        """Return how much was heard, at its own rate, while `queued_s` of it still waits."""
        heard = self._heard(queued_s)
        keep = int(KEPT_S * self._out_rate_hz)
        if heard - self._first > 2 * keep:
            del self._pcm[: (heard - self._first - keep) * 2]
            self._first = heard - keep
        if self._total is not None and heard >= self._end:
            return self._total
        return int(heard * self._ratio)

    def is_audible(self, queued_s: float) -> bool:
        """Return whether anything other than silence was heard."""
        if self._onset is None:
            fresh = np.frombuffer(bytes(self._pcm[(self._searched - self._first) * 2 :]), "<i2").astype(np.int32)
            loud = np.flatnonzero(np.abs(fresh) > AUDIBLE)
            if not len(loud):
                self._searched = self._end
                return False
            self._onset = self._searched + int(loud[0])
        return self._heard(queued_s) > self._onset

    def _heard(self, queued_s: float) -> int:
        return max(self._first, self._next - int(queued_s * self._out_rate_hz))
