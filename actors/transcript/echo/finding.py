"""Where an echo is in a microphone's sound, and whether it is one: evidence before anything is removed. Pure."""

from collections import deque
from typing import Protocol

import numpy as np

from actors.transcript.echo.alignment import PIECE_WINDOWS, Aligner, Match, Sound
from actors.transcript.endpointing import SAMPLES_PER_MS, WINDOW_SAMPLES

EARLY_SAMPLES = 500 * SAMPLES_PER_MS
LATE_SAMPLES = 1200 * SAMPLES_PER_MS
"""How far before (its fact came late) and after the known time of playback an echo is searched for."""

SURE_SCORE = 11.5
"""An echo is found with a match this sure. Over 25 times 7 s of the agent's own voice with other words it reached 10.8
at most; half of all echoes reach it within 170 ms of sound, all within 260."""

ONSET_SCORE = 13.5
ONSET_SHARE = 0.1
"""One piece is enough if both began to sound in it after a silence: had at most this share of its power before."""

REMEMBERED_WINDOWS = 32
SILENT_SHARE = 0.1
MOST_SILENT = 2
MOST_SILENT_OF_ECHO = 12
"""There is no echo where the microphone was silent: where it heard less than this share of the expected echo in more
than this many windows of the last second. For an echo that was found it takes more of them: telephones let little of
some sounds through."""

LEAD_SAMPLES = 4 * SAMPLES_PER_MS
"""How much of the filter lies before the delay that was found."""

FAINT_RMS = 12.0
"""Below this (-69 dB of full scale) there is nothing to look for."""


class ReferenceSignal(Protocol):
    """What the loudspeaker should have played."""

    version: int
    """Changes when playback begins, continues, or its time is corrected."""

    def played(self, start: int, end: int) -> Sound:
        """Return what was played in `[start, end)` of the microphone's samples, as far as that is known."""

    def sounds(self, start: int, end: int) -> bool:
        """Return whether any of that is not silent."""


class EchoFinder:
    """Finds how much later than expected one microphone hears what is played. Windows are given in order: `hear`."""

    def __init__(self, playback: ReferenceSignal) -> None:
        self._playback = playback
        self._aligner = Aligner()
        self._powers: deque[float] = deque([0.0] * REMEMBERED_WINDOWS, REMEMBERED_WINDOWS)
        self._ended: tuple[int, float, int, Sound] | None = None
        """The last echo that has ended: its delay and gain, the sample at which that was noticed, and the powers
        then."""

    def hear(self, power_of_window: float) -> None:
        """Note the power of the next window, as it was heard."""
        self._powers.append(power_of_window)

    @property
    def hears_anything(self) -> bool:
        """Whether the last windows were loud enough for an echo to be looked for."""
        return min(self._powers[-1], self._powers[-2]) >= FAINT_RMS**2

    def forget(self) -> None:
        """Start over: what was played is now placed elsewhere."""
        self._aligner.forget()

    def aligned(self, delay: int, start: int, end: int) -> Sound:
        """Return what was played for `[start, end)` of the microphone, from `LEAD_SAMPLES` before the delay on."""
        return self._playback.played(start - delay + LEAD_SAMPLES, end - delay + LEAD_SAMPLES)

    def find(self, end: int, heard: Sound) -> int | None:
        """Return how much later `heard`, the piece that ends at sample `end`, is than it was played; None if unsure."""
        if not self.hears_anything:
            return None
        begin = end - len(heard)
        played = self._playback.played(begin - LATE_SAMPLES, end + EARLY_SAMPLES)
        by_all, by_newest = self._aligner.match(end, heard, played)
        if by_all.score >= SURE_SCORE and not self._was_silent(_delay_of(by_all), end):
            return _delay_of(by_all)
        if by_newest.score >= ONSET_SCORE and self._began_together(_delay_of(by_newest), end):
            return _delay_of(by_newest)
        return None

    def has_ended(self, delay: int, gain: float, end: int) -> bool:
        """Return whether the echo has not been heard for a while: the client has found it, and removes it itself.

        `gain` is how much louder it was than what was played.
        """
        heard, played = self._powers_of(delay, end)
        if _silences(heard, gain**2 * played) <= MOST_SILENT_OF_ECHO:
            return False
        self._ended = delay, gain, end, heard
        return True

    def has_not_ended(self) -> bool:
        """Return, once playback is placed again, whether the assumed end of the echo was a break in playback."""
        if self._ended is None:
            return False
        delay, gain, end, heard = self._ended
        self._ended = None
        return _silences(heard, gain**2 * self._powers_played(delay, end, len(heard))) <= MOST_SILENT_OF_ECHO

    def _powers_of(self, delay: int, end: int) -> tuple[Sound, Sound]:
        """Return the powers of the last windows as they were heard, and of what was played for them."""
        heard = np.array(self._powers)
        return heard, self._powers_played(delay, end, len(heard))

    def _powers_played(self, delay: int, end: int, windows: int) -> Sound:
        played = self.aligned(delay, end - windows * WINDOW_SAMPLES, end)
        powers: Sound = np.mean(played.reshape(-1, WINDOW_SAMPLES) ** 2, axis=1)
        return powers

    def _began_together(self, delay: int, end: int) -> bool:
        """Return whether both were silent, and began to sound at the same time."""
        onsets = []
        for powers in self._powers_of(delay, end):
            sounding = np.flatnonzero(powers >= ONSET_SHARE * np.max(powers[-PIECE_WINDOWS:]))
            onsets.append(len(powers) - int(sounding[0]))
        return max(onsets) <= PIECE_WINDOWS + 1 and abs(onsets[0] - onsets[1]) <= 1

    def _was_silent(self, delay: int, end: int) -> bool:
        """Return whether the microphone was silent where an echo with this delay would have been heard."""
        heard, played = self._powers_of(delay, end)
        gain = np.sum(heard[-PIECE_WINDOWS:]) / max(1.0, np.sum(played[-PIECE_WINDOWS:]))
        return _silences(heard, gain * played) > MOST_SILENT


def _delay_of(match: Match) -> int:
    return LATE_SAMPLES - match.place


def _silences(heard: Sound, expected: Sound) -> int:
    """Return how many windows were silent where an echo of some power was expected."""
    return int(np.count_nonzero((heard < SILENT_SHARE * expected) & (expected > FAINT_RMS**2 / SILENT_SHARE)))


def power(sound: Sound) -> float:
    """Return the mean power of a sound."""
    return float(np.dot(sound, sound)) / len(sound)
