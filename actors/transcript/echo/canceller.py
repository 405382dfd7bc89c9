"""Removes the agent's own sound from one microphone, and distinguishes what is left of it from speech.

A client without echo cancellation sends back what it plays: later by some 20 to 600 ms, fainter, through a telephone or
a room. `alignment` finds where; from there on a filter (`kalman`) predicts it. Where playback goes on
after a break, or another reply begins, it is expected at the same delay, and looked for as well. Pure: samples in,
samples out; no clock.
"""

from collections import deque
from copy import deepcopy

import numpy as np
import numpy.typing as npt

from actors.transcript.echo.alignment import PIECE_SAMPLES, Sound
from actors.transcript.echo.finding import EARLY_SAMPLES, FAINT_RMS, LATE_SAMPLES, EchoFinder, ReferenceSignal, power
from actors.transcript.echo.kalman import BLOCK_SAMPLES, EchoPath
from actors.transcript.endpointing import WINDOW_SAMPLES

Samples = npt.NDArray[np.int16]

SAME_PLACE_SAMPLES = 32

LEARNT_WINDOWS = 8
"""The filter learns from the last 256 ms."""

FIRST_PASSES = 4
"""How often the filter learns from the sound in which the echo was found."""
LEAST_GAIN = 4.0
"""How much of what was left it must then remove (a ratio of powers); otherwise there was no echo, or not there."""

LEFT_OVER = (0.1, 0.4)
LEFT_OVER_SPEAKING = (0.02, 0.12)
"""Sound is speech of its own if its power is more than a share of the echo's: rooms leave 0.02 to 0.1 of it. How much
this one leaves is learnt, within these bounds."""
USUAL_LEFT_OVER = 0.04
LEFT_OVER_RATIOS = (8.0, 4.0)
"""How many times the usual share a single window may leave (not speaking, speaking)."""
LEFT_OVER_PACE = 0.03
"""The usual share is averaged over a second."""
FADING = 0.7
"""The share of an echo's power in the next window, 32 ms later: a reverberation time of 0.6 s."""

ALONE_WINDOWS = 3
AUDIBLE_SHARE = 0.25
"""How many windows, as loud as a good part of the expected echo, confirm an echo."""
YOUNG_WINDOWS = 10
RELEARNT_AT = (3, 7)
"""The path that was learnt from the first sounds of an echo does not fit the next ones yet. For 320 ms it is learnt
again from what came since."""
LOUDER = 3.0
"""Where the path does not fit, speech must be louder than the expected echo by this ratio of powers."""
LEAST_OF_GAIN = 0.7
"""The share of its earlier loudness that an echo is assumed to have: little of it may have been heard when it is found
again."""

LOST_SHARE = 0.7
LOST_WINDOWS = 4
"""When the filter leaves this much of this many windows, it may have lost the echo, which is then searched for
again."""

HELD_WINDOWS = 5
HELD_WINDOWS_ECHOING = 7
"""How long a first sound over playback is not called speech because it may be echo: on a microphone about which nothing
is known yet, and on one that has echoed."""
FREE_WINDOWS = 30
"""A microphone that was silent for this much playback (1 s) has no echo: speech is recognized at once."""
SURELY_FREE_WINDOWS = 94
"""After this much (3 s) an echo that comes late, as from a client that stood still, would have come."""

REMOVED_SHARE = 0.25
"""An echo is where it is expected if taking it out takes out at least this share of its power: 0.7 to 1.2 of it with
somebody speaking over it, while the sound becomes louder where it has moved (measured by 60 to 450 ms)."""
TELLING_SHARE = 0.1
"""The expected echo must have this share of what is heard; otherwise that cannot be told."""
REMOVALS = 1000
"""For how many windows (32 s) it is remembered what was taken out."""

VOICED = 0.35
_LEARNT = LEARNT_WINDOWS * WINDOW_SAMPLES


class EchoCanceller:
    """One microphone, beside a loudspeaker or not. Windows are given in order.

    `hears_playback` says what to do with the next one: `clean` and then `judged`, or `overhear`.
    """

    def __init__(self, playback: ReferenceSignal) -> None:
        self._playback = playback
        self._version = playback.version
        silence = [np.zeros(WINDOW_SAMPLES)] * LEARNT_WINDOWS
        self._last: deque[Sound] = deque(silence, LEARNT_WINDOWS)
        self._path: EchoPath | None = None
        self._delay: int | None = None
        self._finder = EchoFinder(playback)
        self._playing = False
        self._heard_power = self._left_power = self._echo_power = self._expected_power = 0.0
        self._left: deque[float] = deque(maxlen=LEARNT_WINDOWS)
        """Powers of the last windows from which no echo was removed."""
        self._usual_left, self._usual_heard = USUAL_LEFT_OVER, 1.0
        """Mean powers of echoes by themselves: what the filter leaves, and what is heard."""
        self._gain = 0.0
        self._age = 0
        self._own = self._lost = self._held = self._silent = 0
        self._free = False
        self._ended: tuple[EchoPath, int] | None = None
        """Path and delay of an echo that seems to have ended since playback was placed."""
        self._placed_anew = False
        """Whether the echo is expected where it was, and has not been found there since playback was placed again."""
        self._before: EchoPath | None = None
        """The path as it was before that: until playback is placed right, the filter unlearns it."""
        self._explained: set[int] = set()
        self._removals: deque[tuple[int, float, float, float]] = deque(maxlen=REMOVALS)
        """First samples of windows, and the powers that were heard, that the echo should have, and that it took out."""
        self._alone = 0

    @property
    def is_sure(self) -> bool:
        """Whether the echo was heard by itself: under speech, a voice like the agent's may be mistaken for an echo."""
        return self._delay is not None and self._alone >= ALONE_WINDOWS

    @property
    def echoes(self) -> bool:
        """Whether this microphone has been found to hear the agent."""
        return self._path is not None

    @property
    def hears_nothing(self) -> bool:
        """Whether this microphone is known not to hear the agent, after some seconds of the agent's sound."""
        return self._delay is None and not self.echoes and self._silent >= SURELY_FREE_WINDOWS

    def is_free(self, start: int, end: int) -> bool:
        """Return whether speech in `[start, end)` cannot be the agent's own sound.

        This microphone is known not to hear the agent, or its echo is known and was taken out there.
        """
        if self._delay is None:
            return self.hears_nothing
        return self._age > YOUNG_WINDOWS and not self._has_lost(start, end)

    def _has_lost(self, start: int, end: int) -> bool:
        """Return whether the echo was not where it was expected: it has moved, or the client removes it itself."""
        there = [each for each in self._removals if start <= each[0] < end]
        heard, expected, removed = (sum(each[at] for each in there) for at in (1, 2, 3))
        return expected > TELLING_SHARE * heard and removed < REMOVED_SHARE * expected

    def hears_playback(self, first: int) -> bool:
        """Return whether the window at sample `first` may hold an echo: whether to `clean` it."""
        self._playing = self._playback.sounds(first - LATE_SAMPLES, first + EARLY_SAMPLES)
        if self._version != self._playback.version:
            self._version = self._playback.version
            self._expect_again()
        return self._playing

    def _expect_again(self) -> None:
        """Expect the echo at the same delay: playback is now placed elsewhere, but room and client are the same."""
        if self._ended is not None and self._delay is None and self._finder.has_not_ended():
            self._path, self._delay = self._ended
        self._ended = None
        if self._before is None or not self._placed_anew:
            self._before = deepcopy(self._path) if self._delay is not None else None
        else:
            self._path = deepcopy(self._before)
        self._finder.forget()
        self._held = self._lost = self._age = 0
        self._placed_anew = self._delay is not None

    def overhear(self, windows: Samples) -> None:
        """Note windows in which there can be no echo: later windows are compared with them."""
        for window in windows.reshape(-1, WINDOW_SAMPLES):
            self._remember(window.astype(np.float64))

    def _remember(self, heard: Sound) -> None:
        heard_power = power(heard)
        self._last.append(heard)
        self._left.append(heard_power)
        self._finder.hear(heard_power)

    @property
    def _heard(self) -> Sound:
        """The last windows, as they were heard."""
        return np.concatenate(self._last)

    def clean(self, first: int, window: Samples) -> Samples:
        """Return the window that begins at sample `first` without the echo in it."""
        heard = window.astype(np.float64)
        self._remember(heard)
        self._left_power = 0.0
        self._echo_power *= FADING
        self._expected_power *= FADING
        if self._delay is None and not self._find(first):
            return window
        assert self._path is not None
        assert self._delay is not None
        echo = self._predicted(self._path, self._delay, first, heard)
        left = heard - echo
        heard_power, left_power = power(heard), power(left)
        self._removals.append((first, heard_power, power(echo), heard_power - left_power))
        if left_power >= heard_power:
            left, left_power, echo = heard, heard_power, np.zeros_like(echo)
        self._left[-1] = self._left_power = left_power
        self._heard_power = heard_power
        self._echo_power = max(power(echo), self._echo_power)
        played = self._finder.aligned(self._delay, first, first + WINDOW_SAMPLES)
        self._expected_power = max(self._gain**2 * power(played), self._expected_power)
        self._grow(first, power(played) > FAINT_RMS**2)
        return np.clip(np.round(left), -32768, 32767).astype(np.int16)

    def judged(self, first: int, probability: float, speaking: bool) -> float:
        """Return the probability that the window just cleaned is speech of the caller's own."""
        if not self._playing:
            return probability
        if self._delay is None:
            return self._held_back(probability, speaking)
        if self._is_echo(speaking) or (not speaking and self._is_moved(first, probability)):
            self._explained.add(first // WINDOW_SAMPLES)
            is_audible = self._heard_power > max(FAINT_RMS**2, AUDIBLE_SHARE * self._echo_power)
            self._alone += is_audible and not speaking
            if is_audible and not speaking and self._age > YOUNG_WINDOWS:
                self._usual_left += LEFT_OVER_PACE * (self._left_power - self._usual_left)
                self._usual_heard += LEFT_OVER_PACE * (self._heard_power - self._usual_heard)
            self._own = 0
            return 0.0
        self._own += 1
        if self._placed_anew:
            return self._held_back(probability, speaking)
        return probability if speaking or self._own > 1 else 0.0

    def explains(self, start: int, end: int) -> bool:
        """Return whether most of `[start, end)` was only the agent's own sound."""
        windows = range(start // WINDOW_SAMPLES, max(start + 1, end) // WINDOW_SAMPLES)
        return bool(windows) and sum(window in self._explained for window in windows) > len(windows) // 2

    # -- where it is

    def _held_back(self, probability: float, speaking: bool) -> float:
        """Wait a little with a first sound that may be an echo not found yet."""
        if probability < VOICED:
            self._silent += not speaking
            self._free = self._free or (not self.echoes and self._silent >= FREE_WINDOWS)
            return probability
        most = HELD_WINDOWS_ECHOING if self.echoes else 0 if self._free else HELD_WINDOWS
        if speaking or self._held >= most:
            return probability
        self._held += 1
        return 0.0

    def _is_echo(self, speaking: bool) -> bool:
        """Return whether the window holds no more than the echo and its reverberation."""
        least, most = LEFT_OVER_SPEAKING if speaking else LEFT_OVER
        share = min(most, max(least, LEFT_OVER_RATIOS[speaking] * self._usual_left / self._usual_heard))
        if self._age <= YOUNG_WINDOWS:
            return self._left_power <= LOUDER * max(self._echo_power, self._expected_power)
        if self._left_power <= share * self._echo_power:
            return True
        fits = self._left_power <= LOST_SHARE * self._heard_power
        return not (speaking or fits) and self._heard_power <= LOUDER * self._expected_power

    def _is_moved(self, first: int, probability: float) -> bool:
        """Check whether what may be speech is the echo at another place: playback may have stalled for a moment."""
        return probability >= VOICED and self._find(first)

    def _find(self, first: int) -> bool:
        """Search for the last windows in what was played; if they are found at another place, cancel there."""
        if not self._finder.hears_anything:
            return False
        delay = self._finder.find(first + WINDOW_SAMPLES, self._heard[-PIECE_SAMPLES:])
        self._placed_anew = self._placed_anew and delay is None
        if delay is None or (self._delay is not None and abs(delay - self._delay) <= SAME_PLACE_SAMPLES):
            return False
        return self._learn(delay, first + WINDOW_SAMPLES - _LEARNT, self._heard)

    def _learn(self, delay: int, begin: int, heard: Sound, least_gain: float = LEAST_GAIN) -> bool:
        """Learn the path from the sound in which an echo was found; return whether it was one.

        Before the first time, the newest window is left out: it is predicted next.
        """
        if self._delay is None:
            heard = heard[:-WINDOW_SAMPLES]
        played = self._finder.aligned(delay, begin, begin + len(heard))
        if not np.any(played):
            return False
        gain = max(float(np.sqrt(power(heard) / power(played))), LEAST_OF_GAIN * self._gain)
        path = EchoPath(gain)
        for _ in range(FIRST_PASSES):
            left = _left_by(path, played, heard)
        so_far = list(self._left)[-(len(heard) // WINDOW_SAMPLES) :]
        if sum(so_far) < least_gain * left * len(so_far):
            return False
        self._explained.update(range(begin // WINDOW_SAMPLES, (begin + len(heard)) // WINDOW_SAMPLES))
        self._path, self._gain, self._delay = path, gain, delay
        self._free, self._silent, self._lost, self._age, self._before = False, 0, 0, 0, None
        return True

    def _grow(self, first: int, sounds: bool) -> None:
        """Learn again while the path is young; later, check whether the echo is still there or has moved."""
        assert self._delay is not None
        if self._placed_anew and not sounds:
            return
        if self._placed_anew and self._find(first):
            return
        self._age += 1
        if self._age <= YOUNG_WINDOWS:
            if self._age in RELEARNT_AT:
                age, least_gain = self._age, 1.0 if self._before is None else LEAST_GAIN
                self._learn(self._delay, first + WINDOW_SAMPLES - _LEARNT, self._heard, least_gain)
                self._age = age
            return
        self._placed_anew = False
        if self._finder.has_ended(self._delay, self._gain, first + WINDOW_SAMPLES):
            assert self._path is not None
            self._ended = self._path, self._delay
            self._delay = self._path = self._before = None
            self._alone = self._own = 0
            self._finder.forget()
            return
        is_lost = self._heard_power > FAINT_RMS**2 and self._left_power > LOST_SHARE * self._heard_power
        self._lost = self._lost + 1 if is_lost else 0
        if self._lost >= LOST_WINDOWS:
            self._lost = 0
            self._find(first)

    # -- what it sounds like

    def _predicted(self, path: EchoPath, delay: int, first: int, heard: Sound) -> Sound:
        played = self._finder.aligned(delay, first, first + WINDOW_SAMPLES)
        return np.concatenate([path.hear(played[at], heard[at]) for at in _blocks(WINDOW_SAMPLES)])


def _blocks(samples: int) -> list[slice]:
    return [slice(at, at + BLOCK_SAMPLES) for at in range(0, samples, BLOCK_SAMPLES)]


def _left_by(path: EchoPath, played: Sound, heard: Sound) -> float:
    """Let the path learn from the sound; return the power that it left."""
    path.forget_played()
    return float(np.mean([power(heard[at] - path.hear(played[at], heard[at])) for at in _blocks(len(heard))]))
