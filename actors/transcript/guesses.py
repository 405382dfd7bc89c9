"""Guesses at the words while they are said: after so much speech, and where the voice falls silent.

A guess that begins where the voice falls silent is under way when the voice detector notices the silence. If all has
been silent since, its words are the words: nothing is recognised again.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from actors.transcript import pieces
from actors.transcript.endpointing import SAMPLES_PER_MS
from actors.transcript.engines import Recogniser
from actors.transcript.pieces import RecognitionLoad
from actors.transcript.plausible import guessed
from actors.transcript.sound import Samples, TrackSound
from actors.transcript.taped_sound import TapedSound
from actors.transcript.track_streams import segment_sound
from actors.transcript.turn import SoundGiven, Utterance, spoken_words
from actors.transcript.voice_level import VoiceLevel
from infra.engines.lane import Rank, Run
from infra.engines.stt import Recognition, as_plain
from infra.log.event_log import now_ns
from infra.process.tasks import result_or_none

INTERIM_MS = 500
CONTESTED_INTERIM_MS = 300
"""Over a reply the decision waits for the words, so guesses are more frequent."""

LONGER_SHARE = 0.35
"""How much longer the speech must have become for another guess."""

SHORTEST_FALLEN_SAMPLES = 100 * SAMPLES_PER_MS
"""Speech before a fall is at least so long: less holds no word."""

SILENCE_SAMPLES, FADED_SAMPLES = 48 * SAMPLES_PER_MS, 10 * SAMPLES_PER_MS
"""Sound up to a fall is faded out and followed by this, in place of the silence that is still to come."""

FALLEN_BEFORE_SAMPLES = 160 * SAMPLES_PER_MS
"""How long before the detector's end of speech the voice may have fallen: beyond, what it heard may be soft words."""

CAUGHT_UP_SAMPLES = 500 * SAMPLES_PER_MS
"""Most sound at once whose loudness is followed."""

Submit = Callable[[Recogniser, Rank, Samples, int, int], Run[Recognition]]


@dataclass(frozen=True, slots=True)
class Guess:
    """A run over `[segment_start, to)` of an utterance."""

    utterance: Utterance
    segment_start: int
    to: int
    run: Run[Recognition]
    given: SoundGiven
    counted_samples: int
    """How much of the turn's share of guesses it takes."""

    @property
    def has_failed(self) -> bool:
        """Whether it is over and holds no words."""
        found = result_or_none(self.run.result)
        return self.run.result.done() and (found is None or not spoken_words(found.text))


class TrackGuesses:
    """Guesses of one track, one at a time; `load` is that of the present turn."""

    def __init__(
        self, recogniser: Recogniser, can_be_final: bool, submit: Submit, load: RecognitionLoad, taped: TapedSound
    ) -> None:
        self._recogniser = recogniser
        self._can_be_final = can_be_final
        self._submit = submit
        self._load = load
        self._taped = taped
        self._level = VoiceLevel(0)
        self._running: Guess | None = None
        self._fallen: Guess | None = None
        """The last guess that began where the voice fell silent."""
        self._guessed_at = -1
        """Where the voice had fallen silent when that guess began."""
        self._next_at = 0

    def follow(self, sound: TrackSound) -> None:
        """Follow how loud the sound is that has come."""
        if not self._can_be_final:
            return
        if not 0 <= sound.end - self._level.heard_to <= CAUGHT_UP_SAMPLES:
            self._level = VoiceLevel(sound.end)
        self._level.hear(sound.cut(self._level.heard_to, sound.end))

    def is_due_at_fall(self, utterance: Utterance) -> bool:
        """Return whether the voice has fallen silent, and no guess up to there was begun."""
        fell_at = self._level.fell_at
        if fell_at is None or utterance.speech is not None or utterance.is_contested:
            return False
        length = fell_at - utterance.segment_start
        return SHORTEST_FALLEN_SAMPLES <= length < pieces.LONGEST_SAMPLES and fell_at != self._guessed_at

    def at_fall(self, sound: TrackSound, utterance: Utterance) -> None:
        """Start a guess where the voice has fallen silent, if one `is_due_at_fall` and it delays nothing else."""
        fell_at = self._level.fell_at
        if fell_at is None or self._running is not None:
            return
        length, lane = fell_at - utterance.segment_start, self._recogniser.lane
        is_spare = lane.is_spare
        if not lane.has_room or not (is_spare or self._load.affords(length, pieces.INTERIM_ALLOWANCE_SAMPLES)):
            return
        self._next_at = max(self._next_at, fell_at + _interval(length, INTERIM_MS * SAMPLES_PER_MS))
        samples, self._guessed_at = segment_sound(sound, utterance, fell_at), fell_at
        self._running = self._fallen = self._begun(utterance, fell_at, samples, fading_out(samples), not is_spare)

    def revise(self, sound: TrackSound, utterance: Utterance, heard_to: int) -> None:
        """Start a guess if one is due by the length of the speech and it delays nothing else."""
        contested = utterance.is_contested
        is_free = self._recogniser.engines.local or contested
        if utterance.speech is not None or self._running is not None or not is_free:
            return
        length = heard_to - utterance.segment_start
        interval = (CONTESTED_INTERIM_MS if contested else INTERIM_MS) * SAMPLES_PER_MS
        if length < interval or heard_to < self._next_at:
            return
        lane = self._recogniser.lane
        affordable = self._load.affords(length, pieces.INTERIM_ALLOWANCE_SAMPLES)
        if not (contested or (lane.has_room and (affordable or lane.is_spare))):
            return
        self._next_at = heard_to + _interval(length, interval)
        samples = segment_sound(sound, utterance, heard_to)
        self._running = self._begun(utterance, heard_to, samples, samples, contested or affordable)

    def words_of_pause(self, utterance: Utterance) -> Guess | None:
        """Return the guess whose words are those up to the pause at `utterance.end`; None if there is none."""
        guess = self._fallen
        if guess is None or utterance.end is None or guess.to != self._level.fell_at:
            return None
        is_of_pause = guess.utterance is utterance and guess.segment_start == utterance.segment_start
        is_near = utterance.end - guess.to <= FALLEN_BEFORE_SAMPLES
        return guess if is_of_pause and is_near and not guess.has_failed else None

    def take(self, guess: Guess) -> None:
        """Let a guess be one no longer: its words count."""
        guess.run.rank = Rank.TURN
        self._load.extra -= guess.counted_samples
        self._fallen = None
        if self._running is guess:
            self._running = None

    def collect(self) -> None:
        """Take the words of the guess that is over as the interim words of its utterance."""
        guess = self._running
        if guess is None or not guess.run.result.done():
            return
        self._running = None
        found = result_or_none(guess.run.result)
        recognition = guessed(found) if found is not None else None
        self._taped.took("guess", [guess.segment_start, guess.to, as_plain(recognition)])
        text = spoken_words(recognition.text) if recognition is not None else ""
        utterance = guess.utterance
        if utterance.end is None and utterance.segment_start == guess.segment_start and text:
            utterance.interim, utterance.interim_to = text, guess.to
            utterance.interim_given = guess.given

    def drop(self) -> None:
        """Drop the guess under way: words that count are asked for. One that is waiting never starts."""
        guess = self._running
        if guess is not None and not guess.run.result.done():
            if not guess.run.started:
                self._load.extra -= guess.counted_samples
            self._recogniser.lane.drop(guess.run)
            self._running = None

    def start_anew(self) -> None:
        """Drop the guess under way: what has been said is kept as a piece, and another segment begins."""
        self.drop()
        self._next_at = 0

    def _begun(self, utterance: Utterance, to: int, samples: Samples, heard: Samples, is_counted: bool) -> Guess:
        """Start a guess at the words of `samples`, which end at `to`; the engine is given `heard` of them."""
        start = utterance.segment_start
        given = SoundGiven(to - len(samples), to, now_ns())
        self._taped.took("asked-guess", [start, to])
        run = self._submit(self._recogniser, Rank.INTERIM, heard, start, to)
        counted = len(samples) if is_counted else 0
        self._load.extra += counted
        return Guess(utterance, start, to, run, given, counted)


def fading_out(samples: Samples) -> Samples:
    """Return sound that ends where the voice has fallen, with silence after it."""
    found = np.concatenate([samples, np.zeros(SILENCE_SAMPLES, np.int16)])
    fading = slice(max(0, len(samples) - FADED_SAMPLES), len(samples))
    found[fading] = found[fading] * np.linspace(1, 0, fading.stop - fading.start)
    return found


def _interval(length: int, least: int) -> int:
    return max(least, int(LONGER_SHARE * length))
