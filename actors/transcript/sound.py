"""The sound of one track, assembled from frames by their positions, without gaps or duplicates."""

from array import array
from bisect import bisect_right

import numpy as np
import numpy.typing as npt

from actors.transcript.endpointing import WINDOW_SAMPLES
from contracts.audio import IN_SAMPLE_RATE_HZ, InFrame

Samples = npt.NDArray[np.int16]

KEEP_SAMPLES = 35 * IN_SAMPLE_RATE_HZ
"""How much processed sound is kept for recognition: all of the longest speech that is streamed to an engine."""

TRIM_SAMPLES = 10 * IN_SAMPLE_RATE_HZ
"""How much more there is before it is dropped: moving what is kept each time would cost more."""

KEEP_TIMES_SAMPLES = 60 * IN_SAMPLE_RATE_HZ
"""For how much of it is kept when it came: words may be known long after they were spoken."""

MAX_GAP_SAMPLES = 600 * IN_SAMPLE_RATE_HZ
"""A frame further ahead than the length of the audio stream does not belong to this track."""


class TrackSound:
    """A track from sample `start` on (a multiple of 512). Gaps between frames become silence."""

    def __init__(self, start: int) -> None:
        self._base = start
        self._samples: Samples = np.zeros(IN_SAMPLE_RATE_HZ, np.int16)
        self.end = start
        """Up to where the track is known."""
        self.handled = start
        """Up to where windows were taken."""
        self._frame_starts = array("q")
        self._frame_times_ns = array("q")

    def add(self, frame: InFrame) -> bool:
        """Add a frame's new part; return False if its position cannot belong to this track."""
        pcm = np.frombuffer(frame.pcm, "<i2")
        gap = frame.first_sample - self.end
        if gap > MAX_GAP_SAMPLES:
            return False
        if gap + len(pcm) <= 0:
            return True
        if gap > 0:
            self._append(np.zeros(gap, np.int16))
        self._frame_starts.append(self.end)
        self._frame_times_ns.append(frame.received_ns)
        self._append(pcm[max(0, -gap) :])
        return True

    def take(self, max_windows: int) -> tuple[int, Samples]:
        """Return the first sample of the windows not taken yet, and up to `max_windows` whole ones."""
        first = self.handled
        windows = min(max_windows, (self.end - first) // WINDOW_SAMPLES)
        self._trim()
        offset = first - self._base
        self.handled = first + windows * WINDOW_SAMPLES
        return first, self._samples[offset : offset + windows * WINDOW_SAMPLES].copy()

    def put(self, first: int, samples: Samples) -> None:
        """Replace what is known from `first` on."""
        self._samples[first - self._base : first - self._base + len(samples)] = samples

    def cut(self, start: int, end: int) -> Samples:
        """Return what is known of `[start, end)`."""
        start, end = max(start, self._base), min(end, self.end)
        return self._samples[max(0, start - self._base) : max(0, end - self._base)].copy()

    def received_ns(self, sample: int) -> int:
        """Return when the door received the frame that holds `sample`; 0 if no frame is known."""
        place = bisect_right(self._frame_starts, sample) - 1
        return self._frame_times_ns[max(0, place)] if self._frame_times_ns else 0

    @property
    def held_samples(self) -> int:
        """How many samples there is room for."""
        return len(self._samples)

    def _append(self, samples: Samples) -> None:
        used = self.end - self._base
        if used + len(samples) > len(self._samples):
            larger = np.zeros(2 * (used + len(samples)), np.int16)
            larger[:used] = self._samples[:used]
            self._samples = larger
        self._samples[used : used + len(samples)] = samples
        self.end += len(samples)

    def _trim(self) -> None:
        """Drop what is older than is kept; what a long gap or a long catching up took is given back, too."""
        surplus = self.handled - self._base - KEEP_SAMPLES
        if surplus > TRIM_SAMPLES:
            kept = self.end - self._base - surplus
            if len(self._samples) > kept + 3 * TRIM_SAMPLES:
                self._samples = self._samples[surplus : surplus + kept + TRIM_SAMPLES].copy()
            else:  # in place: a new array every ten seconds for each track leaves memory in fragments
                room = self._samples.data
                room[:kept] = room[surplus : surplus + kept]
            self._base += surplus
        self._trim_times()

    def _trim_times(self) -> None:
        if self._frame_starts and self.handled - self._frame_starts[0] > 2 * KEEP_TIMES_SAMPLES:
            keep = max(0, bisect_right(self._frame_starts, self.handled - KEEP_TIMES_SAMPLES) - 1)
            del self._frame_starts[:keep], self._frame_times_ns[:keep]
