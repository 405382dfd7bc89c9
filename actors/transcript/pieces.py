"""How speech is cut for recognition, and how much of it may be recognised more than once. Pure decisions.

All lengths are samples at 16 kHz.
"""

from dataclasses import dataclass

import numpy as np

from actors.transcript.endpointing import SAMPLES_PER_MS, WINDOW_SAMPLES
from actors.transcript.sound import Samples

LONGEST_SAMPLES = 14_000 * SAMPLES_PER_MS
"""Speech without a pause is cut before it gets longer: from 15 s on Moonshine repeats itself without end."""

QUIETEST_WITHIN_SAMPLES = 8_000 * SAMPLES_PER_MS
QUIETEST_BEFORE_SAMPLES = 500 * SAMPLES_PER_MS
"""Where the quietest place for a cut is searched: in the last 8 s, but not in the last half second."""

QUIET_SAMPLES = 80 * SAMPLES_PER_MS
"""How long such a place is: about as long as a gap between words."""

USUAL_PIECE_SAMPLES = 3_000 * SAMPLES_PER_MS
"""From this length on, a pause is a good place to cut. On 70 s of fast speech, 3 s and 8 s lost equally many words."""

SHORTEST_PIECE_SAMPLES = 1_000 * SAMPLES_PER_MS
"""Shorter speech is never cut, whatever it costs."""

CUT_PAUSE_SAMPLES = 2 * WINDOW_SAMPLES
"""A shorter pause may be a stop within a word."""

EXTRA_SHARE = 0.35
"""How much of a turn's speech may be recognised again, in guesses and in pauses that proved none."""

INTERIM_ALLOWANCE_SAMPLES = 600 * SAMPLES_PER_MS
PAUSE_ALLOWANCE_SAMPLES = 3_000 * SAMPLES_PER_MS
"""What each may cost beyond that share: a first guess, and the pauses of an ordinary turn."""


@dataclass(slots=True)
class RecognitionLoad:
    """How much of one turn's speech was given to recognition."""

    kept: int = 0
    """In pieces whose words count."""
    extra: int = 0
    """In runs whose words were only guesses."""

    def clear(self) -> None:
        """Begin another turn."""
        self.kept = self.extra = 0

    def affords(self, cost: int, allowance: int) -> bool:
        """Return whether `cost` more samples of the current speech may be recognised only for a guess."""
        return self.extra + cost <= EXTRA_SHARE * (self.kept + cost) + allowance


def may_settle(load: RecognitionLoad, piece: int, silence: int) -> bool:
    """Return whether a pause is worth a run at once: if speech continues, the run was for nothing."""
    return silence >= CUT_PAUSE_SAMPLES or load.affords(piece, PAUSE_ALLOWANCE_SAMPLES)


def is_cut_at(load: RecognitionLoad, piece: int, pause: int) -> bool:
    """Return whether speech that continues after a pause is cut there; what lies before is never recognised again."""
    if pause < CUT_PAUSE_SAMPLES or piece < SHORTEST_PIECE_SAMPLES:
        return False
    return piece >= USUAL_PIECE_SAMPLES or not load.affords(piece, PAUSE_ALLOWANCE_SAMPLES)


def split(samples: Samples) -> list[Samples]:
    """Return speech in pieces that are short enough to be recognised, cut at quiet places."""
    parts = []
    while len(samples) >= LONGEST_SAMPLES:
        place = max(1, quietest(samples[:LONGEST_SAMPLES]))
        parts.append(samples[:place])
        samples = samples[place:]
    return [*parts, samples]


def quietest(samples: Samples) -> int:
    """Return the middle of the quietest place of speech without a pause, by its energy, the later of equals."""
    first = max(0, len(samples) - QUIETEST_WITHIN_SAMPLES)
    energy = samples[first : max(first, len(samples) - QUIETEST_BEFORE_SAMPLES)].astype(np.float64) ** 2
    if len(energy) <= QUIET_SAMPLES:
        return len(samples)
    sums = np.concatenate(([0.0], np.cumsum(energy)))
    over = (sums[QUIET_SAMPLES:] - sums[:-QUIET_SAMPLES])[::-1]
    return first + (len(over) - 1 - int(np.argmin(over))) + QUIET_SAMPLES // 2
