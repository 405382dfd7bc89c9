"""The sound of one track, assembled from frames by their positions, without gaps or duplicates."""

from bisect import bisect_right
from operator import itemgetter

import numpy as np
import numpy.typing as npt

from actors.transcript.endpointing import WINDOW_SAMPLES
from contracts.audio import IN_SAMPLE_RATE_HZ, InFrame

Samples = npt.NDArray[np.int16]

KEEP_SAMPLES = 60 * IN_SAMPLE_RATE_HZ
"""How much processed sound is kept for recognition."""

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
        self._frames: list[tuple[int, int]] = []

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
        self._frames.append((self.end, frame.received_ns))
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
        place = bisect_right(self._frames, sample, key=itemgetter(0)) - 1
        return self._frames[max(0, place)][1] if self._frames else 0

    def _append(self, samples: Samples) -> None:
        used = self.end - self._base
        if used + len(samples) > len(self._samples):
            larger = np.zeros(2 * (used + len(samples)), np.int16)
            larger[:used] = self._samples[:used]
            self._samples = larger
        self._samples[used : used + len(samples)] = samples
        self.end += len(samples)

    def _trim(self) -> None:
        surplus = self.handled - self._base - 2 * KEEP_SAMPLES
        if surplus > 0:
            cut = surplus + KEEP_SAMPLES
            self._samples[: self.end - self._base - cut] = self._samples[cut : self.end - self._base].copy()
            self._base += cut
            keep = max(0, bisect_right(self._frames, self._base, key=itemgetter(0)) - 1)
            self._frames = self._frames[keep:]
