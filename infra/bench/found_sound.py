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

SILENT = 0.01
"""Samples below this share of the loudest one are silence."""

APART_S = 0.03
"""A second match as good as the first counts as another place only at this distance."""

AS_GOOD = 0.85
"""Share of the first place's correlation. Less is a piece of a letter split by a break, or chance."""


@dataclass(frozen=True, slots=True)
class LetterPlace:
    """Where a letter begins, in seconds from the sound's start; `again` if it is there more than once.

    `alike` is the correlation: a letter with a third cut off by a break has 0.8 of a whole one's.
    """

    at_s: float
    again: bool
    alike: float = 1.0


class Searched:
    """A sound to look for letters in."""

    def __init__(self, samples: npt.NDArray[np.int16], rate_hz: int) -> None:
        low = soxr.resample(samples.astype(np.float32), rate_hz, NOISE_RATE_HZ, quality="HQ").astype(np.float64)
        self._kept = _near_sound(low)
        low = low[self._kept]
        self._length = len(low)
        self._size = 1 << max(1, self._length + _LETTER - 1).bit_length()
        self._spectrum = np.fft.rfft(low, self._size)
        power = np.concatenate([[0.0], np.cumsum(low**2)])
        self._loudness = np.sqrt(np.maximum(power[_LETTER:] - power[:-_LETTER], 1e-3))

    def place_of(self, mark: LetterMark) -> LetterPlace | None:
        """Return where a letter is, None if it is not found, or is split by a break."""
        if self._length < _LETTER:
            return None
        noise = noise_of(mark).astype(np.float64)
        found = np.fft.irfft(self._spectrum * np.conj(np.fft.rfft(noise, self._size)), self._size)
        found = found[: self._length - _LETTER + 1] / (self._loudness * np.sqrt((noise**2).sum()))
        best = int(found.argmax())
        if found[best] < SURE:
            return None
        apart = round(APART_S * NOISE_RATE_HZ)
        elsewhere = np.concatenate([found[: max(0, best - apart)], found[best + apart :]])
        again = bool(elsewhere.max(initial=0.0) >= max(SURE, AS_GOOD * found[best]))
        return LetterPlace(int(self._kept[best]) / NOISE_RATE_HZ, again, float(found[best]))

    def places(self, marks: Iterable[LetterMark]) -> dict[LetterMark, LetterPlace]:
        """Return where letters are, without those that are not found."""
        found = {mark: self.place_of(mark) for mark in marks}
        return {mark: place for mark, place in found.items() if place is not None}


_LETTER = LETTER_SAMPLES * NOISE_RATE_HZ // RATE_HZ


def _near_sound(samples: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
    """Return which samples are searched: sound with a letter's length around it, as most of a call is silence."""
    is_loud = np.abs(samples) > SILENT * np.abs(samples).max(initial=0.0)
    count = np.concatenate([[0], np.cumsum(is_loud)])
    at = np.arange(len(samples))
    near = count[np.minimum(at + _LETTER + 1, len(samples))] - count[np.maximum(at - _LETTER, 0)]
    return np.flatnonzero(near > 0)
