"""How far the record of a call is from the caller's ear: recording, word times, captions and heard text. Pure.

Times are seconds since the session was opened, sample 0 of its recording.
"""

import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from contracts import events as e
from infra.bench.found_sound import LETTER_S, LetterPlace
from infra.bench.marked_voice import LetterMark, bare, marks_of
from infra.bench.statistics import percentile
from infra.session.heard_times import HeardTimes
from infra.session.heard_words import PlacedWord, clauses_in_log, placed, rate_of

WHOLE = 0.85
"""Least share of the usual correlation of a letter heard whole; the end of any other letter is not known."""

ONCE = 1.2
"""Most of a letter that is there once: the squares of the correlations of its pieces add up to 1 at most, if a whole
letter's is 1; with a quarter of it a second time, they are 1.25."""

_CUE = re.compile(r"(\d+):(\d+):(\d+),(\d+) --> (\d+):(\d+):(\d+),(\d+)\nAgent: (.*)")


@dataclass(frozen=True, slots=True)
class Distances:
    """Distances of one kind between the record and the ear, ms."""

    places: int = 0
    p95_ms: float = 0.0
    max_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class RecordFigures:
    """One call: distances of each kind, and letters that only one of the two has."""

    condition: str
    session_id: str
    letters: int = 0
    """How many of the answer's letters were heard at the ear."""
    breaks: int = 0
    """PlaybackStalled facts."""
    delay_ms: float = 0.0
    """The median by which the ear is behind the recording: in a room, the way to the caller's jitter buffer."""
    buffer_ms: tuple[float, float] = (0.0, 0.0)
    """The shortest and longest time that sound waited in that buffer; not part of the distances."""
    recording: Distances = Distances()
    words: Distances = Distances()
    captions: Distances = Distances()
    heard_text: Distances = Distances()
    lost: int = 0
    """Letters at the ear of which nothing is in the recording."""
    added: int = 0
    """Letters in the recording of which nothing was at the ear."""
    doubled: int = 0
    """Letters that the recording has more than once."""
    worst: list[str] = field(default_factory=list)
    """The places with the largest distances, as text."""
    problem: str = ""

    @property
    def max_ms(self) -> float:
        """The largest distance of any kind."""
        return max(each.max_ms for each in (self.recording, self.words, self.captions, self.heard_text))


@dataclass(frozen=True, slots=True)
class _Far:
    kind: str
    what: str
    ms: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is compared: the letters of the answer with their places at the ear and in the recording."""

    marks: Sequence[LetterMark]
    ear: Mapping[LetterMark, LetterPlace]
    recorded: Mapping[LetterMark, LetterPlace]
    facts: Sequence[e.Event]
    srt: str
    in_pieces: Collection[LetterMark] = ()
    """Letters that only one of the two has as a whole; of the other, breaks have left pieces too small to be placed."""

    @property
    def delay_s(self) -> float:
        """The median by which the ear is behind the recording."""
        both = [self.ear[mark].at_s - place.at_s for mark, place in self.recorded.items() if mark in self.ear]
        return percentile(both, 0.5)

    def without_delay(self) -> "Evidence":
        """Return the comparison as if sound took no time from the agent's audio source to the ear."""
        delay_s = self.delay_s
        ear = {mark: replace(place, at_s=place.at_s - delay_s) for mark, place in self.ear.items()}
        return replace(self, ear=ear)


def figures_of(condition: str, session_id: str, found: Evidence, *, without_delay: bool = False) -> RecordFigures:
    """Return the distances of a call; without the way to the ear if the record cannot know it."""
    delay_ms = round(found.delay_s * 1000, 1)
    found = found.without_delay() if without_delay else found
    far = [*_of_recording(found), *_of_words(found), *_of_captions(found), *_of_heard_text(found)]
    worst = sorted(far, key=lambda each: -abs(each.ms))[:5]
    return RecordFigures(
        condition=condition,
        session_id=session_id,
        letters=len(found.ear),
        breaks=sum(isinstance(fact, e.PlaybackStalled) for fact in found.facts),
        delay_ms=delay_ms,
        recording=_distances(far, "recording"),
        words=_distances(far, "word"),
        captions=_distances(far, "caption"),
        heard_text=_distances(far, "heard"),
        lost=len(whole_of(found.ear).keys() - found.recorded.keys() - set(found.in_pieces)),
        added=len(whole_of(found.recorded).keys() - found.ear.keys() - set(found.in_pieces)),
        doubled=len(_doubled(found.recorded) & whole_of(found.ear).keys()),
        worst=[f"{each.kind} {each.what}: {each.ms:+.0f} ms" for each in worst],
    )


def whole_of(places: Mapping[LetterMark, LetterPlace]) -> dict[LetterMark, LetterPlace]:
    """Return the letters that are there whole: for a letter split by a break, either piece may be found."""
    least = WHOLE * _usual(places)
    return {mark: place for mark, place in places.items() if place.alike >= least}


def _doubled(places: Mapping[LetterMark, LetterPlace]) -> set[LetterMark]:
    """Return the letters of which more is there than one whole letter: not those in pieces, split by a break."""
    most = ONCE * _usual(places) ** 2
    return {mark for mark, place in places.items() if place.again and place.alike**2 + place.again**2 > most}


def _usual(places: Mapping[LetterMark, LetterPlace]) -> float:
    """Return the correlation of most letters: lower than 1 if the sound was encoded on its way."""
    return percentile([place.alike for place in places.values()], 0.5)


def _distances(far: Iterable[_Far], kind: str) -> Distances:
    own = [abs(each.ms) for each in far if each.kind == kind]
    return Distances(len(own), round(percentile(own, 0.95), 1), round(max(own, default=0.0), 1))


def _of_recording(found: Evidence) -> list[_Far]:
    ear = whole_of(found.ear)
    return [
        _Far("recording", f"{mark.text}[{mark.letter}]", (place.at_s - ear[mark].at_s) * 1000)
        for mark, place in whole_of(found.recorded).items()
        if mark in ear
    ]


class _Words:
    """When each word of the answer began and ended at the ear, as far as its first and last letter were found."""

    def __init__(self, found: Evidence) -> None:
        self.begin_s: dict[str, float] = {}
        self.end_s: dict[str, float] = {}
        ear = whole_of(found.ear)
        for mark in found.marks:
            place = ear.get(mark)
            if place is None:
                continue
            if mark.letter == 0:
                self.begin_s[mark.text] = place.at_s
            if mark.letter == len(mark.text) - 1:
                self.end_s[mark.text] = place.at_s + LETTER_S


def _of_words(found: Evidence) -> list[_Far]:
    """Compare the word times that follow from the facts."""
    heard, words, far = HeardTimes(found.facts), _Words(found), []
    opened_ns = next(fact.time_ns for fact in found.facts if isinstance(fact, e.SessionOpened))
    sounds: dict[str, dict[int, e.ClauseSynthesized]] = {}
    for fact in found.facts:
        if isinstance(fact, e.ClauseSynthesized):
            sounds.setdefault(fact.reply_id, {})[fact.index] = fact
    for reply_id, clauses in sounds.items():
        reply = heard.replies.get(reply_id)
        if reply is None:
            continue
        for word in _sounding(clauses):
            times_ns = reply.word_ns(int(word.first_sample), int(word.end_sample), rate_of(clauses))
            said = bare(word.text.strip())
            ear_s = words.begin_s.get(said), words.end_s.get(said)
            for what, at_s, given_ns in zip(("begins", "ends"), ear_s, times_ns or (), strict=False):
                if at_s is not None:
                    far.append(_Far("word", f"{said} {what}", (given_ns - opened_ns) / 1e6 - at_s * 1000))
    return far


def _sounding(clauses: Mapping[int, e.ClauseSynthesized]) -> list[PlacedWord]:
    """Return the words of a reply that have a sound, in order."""
    words = (word for clause in placed(clauses_in_log({}, clauses)) for word in clause.words)
    return [word for word in words if math.isfinite(word.end_sample)]


def _of_captions(found: Evidence) -> list[_Far]:
    words, far = _Words(found), []
    for cue in _CUE.finditer(found.srt):
        start_s, end_s = _seconds(cue.groups()[:4]), _seconds(cue.groups()[4:8])
        said = [bare(word) for word in cue[9].split()]
        edges = (("starts", said[0], start_s, words.begin_s), ("ends", said[-1], end_s, words.end_s))
        for what, word, given_s, ear in edges:
            if word in ear:
                far.append(_Far("caption", f"{cue[9]!r} {what}", (given_s - ear[word]) * 1000))
    return far


def _seconds(clock: Sequence[str]) -> float:
    hours, minutes, seconds, millis = map(int, clock)
    return hours * 3600 + minutes * 60 + seconds + millis / 1000


def _of_heard_text(found: Evidence) -> list[_Far]:
    """Compare what counts as heard: how far a heard word is from its end at the ear, or an unheard one past it."""
    ends = [fact for fact in found.facts if isinstance(fact, e.PlaybackFinished | e.PlaybackInterrupted)]
    told = {bare(word) for fact in ends for word in fact.heard_text.split()}
    if not ends or not found.ear:
        return []
    silent_s = max(place.at_s for place in found.ear.values()) + LETTER_S
    last = max(number for number, mark in enumerate(found.marks) if mark in found.ear)
    words, far = _Words(found), []
    for text in dict.fromkeys(mark.text for mark in found.marks):
        unheard = sum(number > last for number, mark in enumerate(found.marks) if mark.text == text)
        if text in told:
            far.append(_Far("heard", f"{text} counts", unheard * LETTER_S * 1000))
        elif not unheard:
            far.append(_Far("heard", f"{text} does not count", (silent_s - words.end_s.get(text, silent_s)) * 1000))
    return far


def marks_of_answer(facts: Iterable[e.Event]) -> list[LetterMark]:
    """Return the letters of all written clauses; only a part of a clause that was cut off has sound."""
    return [mark for fact in facts if isinstance(fact, e.ReplyClauseWritten) for mark in marks_of(fact.text)]
