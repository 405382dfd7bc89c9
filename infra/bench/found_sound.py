"""Where the marked voice's letters are in a long sound, found by cross-correlation. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import soxr

from infra.bench.marked_voice import LETTER_SAMPLES, NOISE_RATE_HZ, RATE_HZ, LetterMark, noise_of

LETTER_S = LETTER_SAMPLES / RATE_HZ
SURE = 0.5
"""Least correlation (1: alike) at which a letter counts as found; the noise of others reaches 0.25 in a minute."""

WORTH_A_LOOK = 0.4
"""Least correlation at a whole sample to look between samples: half a sample beside a place it has 0.64 of itself."""

SILENT = 0.01
"""Samples below this share of the loudest one are silence."""

APART_S = 0.03
"""A second place counts as another one only at this distance."""


@dataclass(frozen=True, slots=True)
class LetterPlace:
    """Where a letter begins, in seconds from the sound's start, and how much of it is there.

    `alike` is the correlation: a letter with a third cut off by a break has 0.8 of a whole one's. `again` is that of
    its next best place, 0 if there is none: the rest of a letter split by a break, or the letter a second time.
    """

    at_s: float
    alike: float = 1.0
    again: float = 0.0


class Searched:
    """A sound to look for letters in."""

    def __init__(self, samples: npt.NDArray[np.int16], rate_hz: int) -> None:
        low = soxr.resample(samples.astype(np.float32), rate_hz, NOISE_RATE_HZ, quality="HQ").astype(np.float64)
        self._kept = _near_sound(low)
        self._sound = low[self._kept]
        self._length = len(self._sound)
        self._size = 1 << max(1, self._length + _LETTER - 1).bit_length()
        self._spectrum = np.fft.rfft(self._sound, self._size)
        self._power = np.concatenate([[0.0], np.cumsum(self._sound**2)])
        self._loudness = self._loudness_of(_LETTER)

    def place_of(self, mark: LetterMark) -> LetterPlace | None:
        """Return where a letter is, None if it is not found, or is split by a break."""
        if self._length < _LETTER:
            return None
        noise = noise_of(mark).astype(np.float64)
        starts = np.flatnonzero(self._alike(noise, self._loudness) >= WORTH_A_LOOK)
        if not len(starts):
            return None
        shifts, alike = self._between_samples(noise, starts)
        best = int(alike.argmax())
        if alike[best] < SURE:
            return None
        elsewhere = alike[np.abs(starts - starts[best]) > APART_S * NOISE_RATE_HZ]
        again = float(elsewhere.max(initial=0.0))
        at_s = (self._kept[starts[best]] + shifts[best]) / NOISE_RATE_HZ
        return LetterPlace(float(at_s), float(alike[best]), again if again >= SURE else 0.0)

    def has_part_of(self, mark: LetterMark) -> bool:
        """Return whether a third of a letter is there: one in many pieces is not found as a whole."""
        if self._length < _LETTER:
            return False
        thirds = np.split(noise_of(mark).astype(np.float64), 3)
        loudness = self._loudness_of(_LETTER // 3)
        return any(float(self._alike(third, loudness).max()) >= SURE for third in thirds)

    def places(self, marks: Iterable[LetterMark]) -> dict[LetterMark, LetterPlace]:
        """Return where letters are, without those that are not found."""
        found = {mark: self.place_of(mark) for mark in marks}
        return {mark: place for mark, place in found.items() if place is not None}

    def _loudness_of(self, length: int) -> npt.NDArray[np.float64]:
        """Return how loud the stretch of this length is that begins at each sample."""
        loudness: npt.NDArray[np.float64] = np.sqrt(np.maximum(self._power[length:] - self._power[:-length], 1e-3))
        return loudness

    def _alike(self, noise: npt.NDArray[np.float64], loudness: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return how alike a noise and what begins at each sample are; `loudness` is of the noise's length."""
        found = np.fft.irfft(self._spectrum * np.conj(np.fft.rfft(noise, self._size)), self._size)
        alike: npt.NDArray[np.float64] = found[: len(loudness)] / (loudness * np.sqrt((noise**2).sum()))
        return alike

    def _between_samples(
        self, noise: npt.NDArray[np.float64], starts: npt.NDArray[np.intp]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return how much later than at each start a letter begins, up to half a sample, and how alike it is there."""
        shifted = np.stack([_later(noise, shift) for shift in _SHIFTS])
        shifted /= np.sqrt((shifted**2).sum(axis=1, keepdims=True))
        windows = np.stack([self._sound[start : start + _LETTER] for start in starts])
        alike = windows @ shifted.T / self._loudness[starts][:, np.newaxis]
        return _SHIFTS[alike.argmax(axis=1)], alike.max(axis=1)


_LETTER = LETTER_SAMPLES * NOISE_RATE_HZ // RATE_HZ
_SHIFTS = np.arange(-3, 4) / 6
"""In samples: a sixth of one is a sample of a recording, at 48 kHz."""


def _later(noise: npt.NDArray[np.float64], shift: float) -> npt.NDArray[np.float64]:
    """Return a noise that begins a part of a sample later."""
    turned = np.fft.rfft(noise) * np.exp(-2j * np.pi * np.fft.rfftfreq(len(noise)) * shift)
    return np.fft.irfft(turned, len(noise))


def _near_sound(samples: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
    """Return which samples are searched: sound with a letter's length around it, as most of a call is silence."""
    is_loud = np.abs(samples) > SILENT * np.abs(samples).max(initial=0.0)
    count = np.concatenate([[0], np.cumsum(is_loud)])
    at = np.arange(len(samples))
    near = count[np.minimum(at + _LETTER + 1, len(samples))] - count[np.maximum(at - _LETTER, 0)]
    return np.flatnonzero(near > 0)
