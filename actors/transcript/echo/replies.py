"""The sound of the replies that are played, as it was published: clause after clause at 16 kHz."""

from collections import OrderedDict
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import soxr

from contracts.audio import IN_SAMPLE_RATE_HZ, OutFrame

Samples = npt.NDArray[np.int16]

KEPT_REPLIES = 4
MOST_REPLY_S = 300
"""The most of one reply; what goes beyond is not played either."""
MOST_SAMPLES = MOST_REPLY_S * IN_SAMPLE_RATE_HZ

PROBE_SAMPLES = 512

SILENCE_PEAK = 256
"""Clients report the beginning of a reply at its first sample louder than this."""


@dataclass(slots=True)
class _Clause:
    waiting: bytearray = field(default_factory=bytearray)
    """Sound that waits for the clauses before it."""
    known: int = 0
    """How many of its samples have come, from its start without a gap."""
    complete: bool = False


class ReferenceReply:
    """One reply's sound, assembled from frames that come in order or repeat."""

    def __init__(self, rate_hz: int) -> None:
        self.rate_hz = rate_hz
        self._clauses: dict[int, _Clause] = {}
        self._cursor = 0
        self._resampler: soxr.ResampleStream | None = None
        if rate_hz != IN_SAMPLE_RATE_HZ:
            self._resampler = soxr.ResampleStream(rate_hz, IN_SAMPLE_RATE_HZ, 1, dtype="int16", quality="MQ")
        self._samples: Samples = np.zeros(IN_SAMPLE_RATE_HZ, np.int16)
        self._came = 0
        self.length = 0
        """Samples known so far."""
        self._onset: int | None = None

    def add(self, frame: OutFrame) -> None:
        """Add a frame; samples that are known already, and those after a gap, are left out."""
        clause = self._clauses.setdefault(frame.index, _Clause())
        if frame.first_sample <= clause.known:
            fresh = frame.pcm[(clause.known - frame.first_sample) * 2 :]
            clause.known += len(fresh) // 2
            self._came += len(fresh) // 2
            if self._came <= MOST_REPLY_S * self.rate_hz:
                clause.waiting += fresh
            clause.complete = clause.complete or frame.last
        while (current := self._clauses.get(self._cursor)) is not None:
            self._take(current)
            if not current.complete:
                break
            self._cursor += 1

    @property
    def waiting_bytes(self) -> int:
        """How much sound is kept beside what was taken: it waits for a clause before it."""
        return sum(len(clause.waiting) for clause in self._clauses.values())

    @property
    def clauses(self) -> int:
        """How many clauses are complete."""
        return self._cursor

    def cut(self, start: int, end: int) -> Samples:
        """Return `[start, end)`, silent where nothing is known."""
        piece = np.zeros(max(0, end - start), np.int16)
        known = self._samples[max(0, start) : max(0, min(end, self.length))]
        at = max(0, -start)
        piece[at : at + len(known)] = known
        return piece

    def sounds(self, start: int, end: int) -> bool:
        """Return whether there is any sound in `[start, end)`."""
        samples = self._samples[max(0, start) : max(0, min(end, self.length))]
        # While a voice is played, one of its ends answers: that is asked for each window of a microphone.
        return any(each.any() for each in (samples[-PROBE_SAMPLES:], samples[:PROBE_SAMPLES], samples))

    @property
    def onset(self) -> int:
        """The first sample that is not silent."""
        if self._onset is None:
            loud = np.flatnonzero(np.abs(self._samples[: self.length].astype(np.int32)) > SILENCE_PEAK)
            if not len(loud):
                return 0
            self._onset = int(loud[0])
        return self._onset

    def _take(self, clause: _Clause) -> None:
        fresh = np.frombuffer(bytes(clause.waiting), "<i2")
        clause.waiting = bytearray()
        if not len(fresh) or self.length >= MOST_SAMPLES:
            return
        if self._resampler is not None:
            fresh = self._resampler.resample_chunk(fresh)
        if self.length + len(fresh) > len(self._samples):
            larger = np.zeros(2 * (self.length + len(fresh)), np.int16)
            larger[: self.length] = self._samples[: self.length]
            self._samples = larger
        self._samples[self.length : self.length + len(fresh)] = fresh
        self.length += len(fresh)


class RepliesSound:
    """The sound of a session's last replies."""

    def __init__(self) -> None:
        self._replies: OrderedDict[str, ReferenceReply] = OrderedDict()

    def add(self, frame: OutFrame) -> None:
        """Add a frame; the oldest reply makes room for a new one."""
        reply = self._replies.get(frame.reply_id)
        if reply is None:
            reply = self._replies[frame.reply_id] = ReferenceReply(frame.sample_rate_hz)
            while len(self._replies) > KEPT_REPLIES:
                self._replies.popitem(last=False)
        if reply.rate_hz == frame.sample_rate_hz:
            reply.add(frame)

    def get(self, reply_id: str) -> ReferenceReply | None:
        """Return a reply's sound, None if there is none."""
        return self._replies.get(reply_id)
