"""Which words of a reply were heard: from played samples to words. Pure.

This is the only place in Python that decides it; `bridge/page/heard-words.js` is the same rule for the browser, and
tests/data/heard_words.json holds the cases that both must agree on.

A clause's words end where its engine reports. If the engine reported no ends, they are estimated from the number of
letters: over the clause's length if that is known, else at the pace of the reply's other clauses.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from contracts.events import ClauseSynthesized
from contracts.written import put_together

LETTERS_PER_S = 15
"""Assumed pace of an unknown voice, spaces counted: about 160 words of English per minute."""

USUAL_RATE_HZ = 24_000
"""Rate of a reply's sound until synthesis reports it."""

_WORD = re.compile(r"(\s*)(\S+)(\s*\Z)?")
"""A word with the white space before it; the last one also with the text after it."""


@dataclass(frozen=True, slots=True)
class SaidClause:
    """A clause of a reply, as it is played to its listener.

    `total_samples` is None while unknown: the sound is still being synthesised, or was lost. `sent_samples` is how much
    of it was sent to be played; None if only the log is known: then all of a clause with a known length counts as
    sent, and nothing after a clause with an unknown length.
    """

    index: int
    text: str
    sent_samples: int | None
    total_samples: int | None
    word_end_samples: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class PlacedWord:
    """A word with its white space, and where it sounds in the reply, in samples; infinite if it does not."""

    text: str
    first_sample: float
    end_sample: float


@dataclass(frozen=True, slots=True)
class PlacedClause:
    """A clause's words, and the sample of the reply at which it begins; infinite if it is not played."""

    index: int
    first_sample: float
    words: tuple[PlacedWord, ...]


@dataclass(frozen=True, slots=True)
class HeardWords:
    """The heard text, and the index of the clause in which the sound stopped."""

    text: str
    clause_index: int


def heard(clauses: Sequence[SaidClause], played_samples: int, rate_hz: int = USUAL_RATE_HZ) -> HeardWords:
    """Return the written words in the first `played_samples` of the clauses, played one after the other.

    A word counts once its end has been played.
    """
    texts: list[str] = []
    index = 0
    for clause in placed(clauses, rate_hz):
        if clause.first_sample < played_samples:
            index = clause.index
        texts.append("".join(word.text for word in clause.words if word.end_sample <= played_samples))
    return HeardWords(put_together(texts), index)


def placed(clauses: Iterable[SaidClause], rate_hz: int = USUAL_RATE_HZ) -> list[PlacedClause]:
    """Return where each word of a reply's clauses sounds."""
    known = list(clauses)
    pace = samples_per_letter([(each.text, each.total_samples or 0) for each in known], rate_hz)
    result: list[PlacedClause] = []
    begin: float = 0
    for clause in known:
        sent = clause.total_samples if clause.sent_samples is None else clause.sent_samples
        within: float = math.inf if sent is None else sent
        words = tuple(_placed(word, begin, within) for word in _words_of(clause, pace))
        result.append(PlacedClause(clause.index, begin if within > 0 else math.inf, words))
        begin += within
    return result


def _placed(word: PlacedWord, begin: float, within: float) -> PlacedWord:
    """Return a word of a clause that begins at `begin` and has `within` samples played."""
    ends = 0 < word.end_sample <= within
    first = begin + word.first_sample if ends or word.first_sample < within else math.inf
    return PlacedWord(word.text, first, begin + word.end_sample if ends else math.inf)


def _words_of(clause: SaidClause, pace: float) -> Iterator[PlacedWord]:
    """Yield a clause's words, with where each begins and ends in the clause's sound."""
    words = list(_WORD.finditer(clause.text))
    ends: Sequence[float] = clause.word_end_samples
    if len(ends) != len(words):
        ends = _ends_by_letters(clause.total_samples, words, pace)
    start: float = 0
    for word, end in zip(words, ends, strict=True):
        # A word without its own sound counts with the clause's first sample; none ends after the clause.
        end = max(start, end, 1)
        if clause.total_samples is not None:
            end = min(end, clause.total_samples)
        yield PlacedWord(word[0], start, end)
        start = end


def _ends_by_letters(total_samples: int | None, words: Sequence[re.Match[str]], pace: float) -> list[float]:
    if not words:
        return []
    letters = [word.end(2) - words[0].start(2) for word in words]
    if total_samples is not None:
        return [count * total_samples / letters[-1] for count in letters]
    # The last word has not ended: more sound was to come.
    return [*(count * pace for count in letters[:-1]), math.inf]


def samples_per_letter(said: Iterable[tuple[str, int]], rate_hz: int) -> float:
    """Return how many samples a letter takes, spaces and marks counted too, from texts and their lengths in samples."""
    known = [(letters, samples) for text, samples in said if samples > 0 and (letters := len(text.strip()))]
    letters = sum(count for count, _ in known)
    return sum(samples for _, samples in known) / letters if letters else max(rate_hz, 1) / LETTERS_PER_S


# -- as far as the log tells


def clauses_in_log(written: Mapping[int, str], sounds: Mapping[int, ClauseSynthesized]) -> list[SaidClause]:
    """Return a reply's clauses by index, from what was written and, if known, what was synthesised.

    A clause that could not be said (`unsaid`) has no words to hear.
    """
    clauses = []
    for index in sorted({*written, *sounds}):
        sound = sounds.get(index)
        if sound is None:
            clauses.append(SaidClause(index, written[index], None, None))
        else:
            text = "" if sound.unsaid else written.get(index, sound.text)
            clauses.append(SaidClause(index, text, None, sound.samples, sound.word_end_samples))
    return clauses


def rate_of(sounds: Mapping[int, ClauseSynthesized]) -> int:
    """Return the rate of a reply's sound, in Hz."""
    return next((sound.sample_rate_hz for sound in sounds.values()), USUAL_RATE_HZ)
