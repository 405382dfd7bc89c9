"""The agent's sound as it was heard: replies put together from frames, laid where playback was. Pure."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import soxr

from contracts import events as e
from contracts.audio import OutFrame
from infra.session.heard_times import HeardReply, Span
from infra.session.opus import RATE_HZ

Samples = npt.NDArray[np.int16]

MAX_REPLY_S = 300
"""Sound kept of one reply, as at the door."""

MARGIN_48K = 2_400
"""Sound around a piece that the resampler is given, so that pieces join as if they had been one."""


@dataclass(slots=True)
class _Clause:
    pcm: bytearray = field(default_factory=bytearray)
    """Sound without a gap from the clause's start."""
    early: dict[int, bytes] = field(default_factory=dict)
    samples: int | None = None
    """How long it is, once that is known."""

    def add(self, frame: OutFrame) -> None:
        if frame.last:
            self.samples = frame.first_sample + len(frame.pcm) // 2
        self.early.setdefault(frame.first_sample, frame.pcm)
        while self.early and (first := min(self.early)) * 2 <= len(self.pcm):
            fresh = self.early.pop(first)[len(self.pcm) - first * 2 :]
            self.pcm += fresh

    @property
    def complete(self) -> bool:
        return self.samples is not None and len(self.pcm) >= 2 * self.samples


class RecordedReply:
    """The sound of one reply: its clauses one after the other."""

    def __init__(self, reply_id: str) -> None:
        self.reply_id = reply_id
        self.rate_hz = 0
        self._clauses: dict[int, _Clause] = {}
        self._joined: Samples | None = None

    def add(self, frame: OutFrame) -> None:
        """Take a frame; what is of another rate than the first, or beyond 5 minutes, is left out."""
        self.rate_hz = self.rate_hz or frame.sample_rate_hz
        kept = sum(len(clause.pcm) for clause in self._clauses.values())
        if frame.sample_rate_hz == self.rate_hz and kept < 2 * MAX_REPLY_S * self.rate_hz:
            self._clauses.setdefault(frame.index, _Clause()).add(frame)
            self._joined = None

    def learn(self, event: e.ClauseSynthesized) -> None:
        """Take a clause's length: its last frame may have been lost."""
        clause = self._clauses.get(event.index)
        if clause is not None and clause.samples is None:
            clause.samples = event.samples
            self._joined = None

    def samples(self) -> Samples:
        """Return what can have been played: all clauses up to the first that is not complete, and what it has."""
        if self._joined is None:
            pcm = bytearray()
            for index in range(max(self._clauses, default=-1) + 1):
                clause = self._clauses.get(index)
                if clause is None:
                    continue
                pcm += clause.pcm
                if not clause.complete:
                    break
            self._joined = np.frombuffer(bytes(pcm), "<i2")
        return self._joined

    def forget_joined(self) -> None:
        """Keep its sound once, until it is asked for again."""
        self._joined = None


def heard(
    sounds: Mapping[str, RecordedReply], replies: Iterable[HeardReply], start_ns: int, start: int, end: int
) -> npt.NDArray[np.int32]:
    """Return what was heard over `[start, end)`, samples at 48 kHz since `start_ns`."""
    mix = np.zeros(end - start, np.int32)
    for reply in replies:
        sound = sounds.get(reply.reply_id)
        if sound is None or not sound.rate_hz:
            continue
        for span in reply.heard(sound.rate_hz):
            at = (span.at_ns - start_ns) * RATE_HZ // 1_000_000_000
            first, piece = _piece_of(sound, span, start - at, end - at)
            louder = piece if reply.loudness == 1 else (piece * reply.loudness).astype(np.int32)
            mix[at + first - start : at + first - start + len(piece)] += louder
    return mix


def _piece_of(sound: RecordedReply, span: Span, start: int, end: int) -> tuple[int, npt.NDArray[np.int32]]:
    """Return the part of a span over `[start, end)` at 48 kHz, counted from the span's first sample, and its place."""
    rate_hz = sound.rate_hz
    samples = sound.samples()[span.first_sample : span.end_sample]
    start, end = max(0, start), min(end, len(samples) * RATE_HZ // rate_hz)
    if start >= end:
        return max(0, start), np.zeros(0, np.int32)
    if rate_hz == RATE_HZ:
        return start, samples[start:end].astype(np.int32)
    # A piece begins where both rates have a sample, so that it is not shifted by a fraction of one.
    step = rate_hz // math.gcd(rate_hz, RATE_HZ)
    first = max(0, start - MARGIN_48K) * rate_hz // RATE_HZ // step * step
    last = -(-(end + MARGIN_48K) * rate_hz // RATE_HZ)
    resampled = at_48k(samples[first:last], rate_hz)
    offset = start - first * RATE_HZ // rate_hz
    return start, resampled[offset : offset + end - start]


def at_48k(samples: npt.NDArray[np.integer[Any]], rate_hz: int) -> npt.NDArray[np.int32]:
    """Return the sound at 48 kHz; it may be louder than 16 bits. In floats: for integers soxr would add noise."""
    resampled: npt.NDArray[np.float32] = soxr.resample(samples.astype(np.float32), rate_hz, RATE_HZ, quality="MQ")
    return np.rint(resampled).astype(np.int32)


def next_heard(
    sounds: Mapping[str, RecordedReply], replies: Iterable[HeardReply], start_ns: int, after: int
) -> int | None:
    """Return from where on, at or after position `after`, something is heard, or None."""
    stretches = (
        stretch
        for reply in replies
        if (sound := sounds.get(reply.reply_id)) is not None
        for stretch in stretches_of(sound, reply, start_ns)
    )
    return min((max(after, start) for start, end in stretches if end > after), default=None)


def stretches_of(sound: RecordedReply, reply: HeardReply, start_ns: int) -> list[tuple[int, int]]:
    """Return where a reply was heard, as `(start, end)` at 48 kHz; so far, if it is still going on."""
    stretches = []
    rate_hz = sound.rate_hz or RATE_HZ
    for span in reply.heard(rate_hz):
        start = (span.at_ns - start_ns) * RATE_HZ // 1_000_000_000
        samples = len(sound.samples()[span.first_sample : span.end_sample])
        stretches.append((start, start + samples * RATE_HZ // rate_hz))
    return stretches
