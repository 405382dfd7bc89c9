"""How much later a microphone hears what was played: found by cross-correlation. Pure."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from actors.transcript.endpointing import WINDOW_SAMPLES
from contracts.audio import IN_SAMPLE_RATE_HZ

Sound = npt.NDArray[np.float64]
Correlation = npt.NDArray[np.float32]

WHITENING = 0.7
"""Exponent of the cross spectrum's weight: 0 is plain correlation, 1 the phase transform (PHAT). In between, both hums
and hisses count; 0.7 separated echo from other speech best."""

BAND_HZ = (200, 3700)
"""What telephones and small loudspeakers let through."""

LEAST_LINES = 100
"""A sound of fewer frequencies is a tone, which fits any place in itself, and other voices as well. Beeps and chords
have 1 to 43 (1.9 s of them), speech has 220 and more."""

PIECE_WINDOWS = 4
PIECE_SAMPLES = PIECE_WINDOWS * WINDOW_SAMPLES
"""Sound is compared 128 ms at a time."""

PIECES = 4
"""How many consecutive pieces must agree on a place."""

MOST_OF_A_PIECE = 12.0
"""The most that one piece counts (its correlation over the RMS at all places). A voice repeats its sounds: one such
piece can match with up to 29, but the next one does not match at the same place."""

AUDIBLE_SHARE = 0.05
"""A place counts if what was played there has this share of the mean power."""
LEAST_PLACES = IN_SAMPLE_RATE_HZ // 10


@dataclass(frozen=True, slots=True)
class Match:
    """The best place of heard sound in what was played; `score` is its correlation over the RMS at all places.

    Of several pieces it is the sum over its expected deviation.
    """

    place: int
    score: float


NOWHERE = Match(0, 0.0)


class Aligner:
    """Looks for the last half second of a microphone in what was played, piece by piece.

    An echo is at the same place in every piece, so their correlations add up there, and elsewhere only by chance.
    """

    def __init__(self) -> None:
        self._correlations: dict[int, Correlation] = {}

    def forget(self) -> None:
        """Start over: what was played is now placed elsewhere."""
        self._correlations.clear()

    def match(self, end: int, heard: Sound, played: Sound) -> tuple[Match, Match]:
        """Return where in `played` the newest piece, `heard`, begins: by all pieces, and by itself.

        It ends at the microphone's sample `end`; `played` has to begin as long before it as it did in earlier calls.
        """
        number = end // WINDOW_SAMPLES
        wanted = range(number, number - PIECE_WINDOWS * PIECES, -1)
        self._correlations = {at: kept for at, kept in self._correlations.items() if at in wanted}
        correlation = _correlation(heard, played)
        if correlation is None:
            return NOWHERE, NOWHERE
        self._correlations[number] = np.clip(correlation, -MOST_OF_A_PIECE, MOST_OF_A_PIECE)
        pieces = [self._correlations[at] for at in wanted[::PIECE_WINDOWS] if at in self._correlations]
        return _peak(np.sum(pieces, axis=0) / PIECES**0.5), _peak(correlation)


def _peak(correlation: Correlation) -> Match:
    place = int(np.argmax(np.abs(correlation)))
    return Match(place, abs(float(correlation[place])))


def _correlation(heard: Sound, played: Sound) -> Correlation | None:
    """Return the correlation at each place over its RMS; None if this sound is not enough to decide."""
    places = len(played) - len(heard) + 1
    power = np.cumsum(np.concatenate([[0.0], played**2]))
    audible = power[len(heard) :] - power[:places]
    audible = audible > AUDIBLE_SHARE * power[-1] * len(heard) / max(1, np.count_nonzero(played))
    if np.count_nonzero(audible) < LEAST_PLACES:
        return None
    size = 1 << (len(played) + len(heard) - 1).bit_length()
    spectrum = np.fft.rfft(played, size)
    if _lines(spectrum) < LEAST_LINES * size / len(played):
        return None
    cross = spectrum * np.conj(np.fft.rfft(heard, size))
    weight = np.abs(cross) ** WHITENING
    cross = np.divide(cross, weight, out=np.zeros_like(cross), where=weight > 0)
    frequencies = np.fft.rfftfreq(size, 1 / IN_SAMPLE_RATE_HZ)
    cross[(frequencies < BAND_HZ[0]) | (frequencies > BAND_HZ[1])] = 0
    correlation = np.fft.irfft(cross, size)[:places]
    deviation = float(np.sqrt(np.mean(correlation[audible] ** 2)))
    if deviation <= 0:
        return None
    return (np.where(audible, correlation, 0) / deviation).astype(np.float32)


def _lines(spectrum: npt.NDArray[np.complex128]) -> float:
    """Return over how many frequencies the power is spread: the participation ratio."""
    power = np.abs(spectrum) ** 2
    spread = float(np.sum(power**2))
    return float(np.sum(power)) ** 2 / spread if spread > 0 else 0.0
