"""Where the sound of people lies on a recording's timeline: tracks placed by when their frames came in. Pure.

Positions are samples at 16 kHz since the recording's start.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from contracts.audio import IN_SAMPLE_RATE_HZ, InFrame

Samples = npt.NDArray[np.int16]

LOOK_AHEAD_SAMPLES = IN_SAMPLE_RATE_HZ
"""Frames are placed by the quickest of those that came within this time: the network only ever delays."""

PATIENCE_SAMPLES = 40 * IN_SAMPLE_RATE_HZ // 1000
"""How far a track's times may leave its sample count (a clock that drifts, a page that slept) before it is moved."""

MOVE_AGAIN_SAMPLES = 2 * IN_SAMPLE_RATE_HZ

MOST_AHEAD_SAMPLES = 60 * IN_SAMPLE_RATE_HZ
"""Sound that comes faster than time is taken this far ahead of its coming."""


def sample_at(time_ns: int, start_ns: int) -> int:
    """Return the position of a time."""
    return (time_ns - start_ns) * IN_SAMPLE_RATE_HZ // 1_000_000_000


@dataclass(frozen=True, slots=True)
class Placed:
    """Sound from `position` on."""

    position: int
    samples: Samples

    @property
    def end(self) -> int:
        """The position behind its last sample."""
        return self.position + len(self.samples)


class TrackPlacing:
    """One track: frames in, in order; placed sound out. `offset` is where its sample 0 lies, once that is known."""

    def __init__(self, earliest: int = 0, offset: int | None = None, written_to: int = 0) -> None:
        self.earliest = earliest
        """Where the track was published: its sample 0 can't lie before."""
        self.offset = offset
        self.missing = 0
        """How many of its samples were to come and did not; what lies before `written_to` need not."""
        self._next = max(0, written_to - offset) if offset is not None else 0
        self.sound: deque[Placed] = deque()
        self._waiting: deque[tuple[int, int, Samples]] = deque()
        self._expected = 0
        self._moved_at = 0

    def add(self, frame: InFrame, received_at: int) -> None:
        """Take a frame that came in at position `received_at`; what was there before is left out."""
        samples = np.frombuffer(frame.pcm, "<i2")
        self.missing += max(0, frame.first_sample - self._next)
        self._next = max(self._next, frame.first_sample + len(samples))
        known = max(0, self._expected - frame.first_sample)
        if known < len(samples):
            self._waiting.append((frame.first_sample + known, received_at, samples[known:]))
            self._expected = frame.first_sample + len(samples)

    def place(self, now: int, all_of_it: bool = False) -> None:
        """Place the frames whose look-ahead is over at position `now`, or all that there are."""
        for offset in _quickest(self._waiting):
            first_sample, received_at, samples = self._waiting[0]
            if received_at + LOOK_AHEAD_SAMPLES > now and not all_of_it:
                break
            self._waiting.popleft()
            position = self._offset_from(first_sample, offset) + first_sample
            if position - received_at < MOST_AHEAD_SAMPLES:
                self.sound.append(Placed(position, samples))

    def _offset_from(self, first_sample: int, offset: int) -> int:
        """Return the track's offset, moved if what its times say has left its sample count for good."""
        if self.offset is None:
            self.offset = max(offset, self.earliest)
        elif offset > self.offset + PATIENCE_SAMPLES:
            self.offset, self._moved_at = offset, first_sample
        elif offset < self.offset - PATIENCE_SAMPLES and first_sample - self._moved_at >= MOVE_AGAIN_SAMPLES:
            # In small steps: sound that comes faster than time must not run over what lies before it.
            self.offset, self._moved_at = self.offset - PATIENCE_SAMPLES, first_sample
        return self.offset

    def forget(self, before: int) -> None:
        """Drop sound that ends before this position."""
        while self.sound and self.sound[0].end < before:
            self.sound.popleft()


def _quickest(frames: Iterable[tuple[int, int, Samples]]) -> list[int]:
    """Return for each frame the least offset that it, or one that came within the look-ahead, asks for."""
    came = [(received_at, received_at - first_sample - len(samples)) for first_sample, received_at, samples in frames]
    least: list[int] = []
    window: deque[tuple[int, int]] = deque()
    upcoming = 0
    for index, (received_at, _) in enumerate(came):
        while upcoming < len(came) and (upcoming <= index or came[upcoming][0] <= received_at + LOOK_AHEAD_SAMPLES):
            while window and window[-1][1] >= came[upcoming][1]:
                window.pop()
            window.append((upcoming, came[upcoming][1]))
            upcoming += 1
        while window[0][0] < index:
            window.popleft()
        least.append(window[0][1])
    return least


def mixed(tracks: Iterable[TrackPlacing], start: int, end: int) -> npt.NDArray[np.int32]:
    """Return the sum of all tracks over `[start, end)`; it may be louder than 16 bits."""
    mix = np.zeros(end - start, np.int32)
    for track in tracks:
        for placed in track.sound:
            first, last = max(start, placed.position), min(end, placed.end)
            if first < last:
                mix[first - start : last - start] += placed.samples[first - placed.position : last - placed.position]
    return mix
