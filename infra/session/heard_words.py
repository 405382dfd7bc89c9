"""What a person has heard of a reply: from played samples to words."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from contracts.written import put_together
from infra.session.speaking_pace import samples_per_letter

_WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class SaidClause:
    """A clause that was sent to be played: `sent_samples` of its `total_samples`, and where its words end.

    `total_samples` is None if it was not known when the clause was cut off: its sound was still being made, or lost.
    """

    index: int
    text: str
    sent_samples: int
    total_samples: int | None
    word_end_samples: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class HeardWords:
    """The heard text, and the index of the clause in which the sound stopped."""

    text: str
    clause_index: int


def heard(clauses: Sequence[SaidClause], played_samples: int, rate_hz: int = 24_000) -> HeardWords:
    """Return what `played_samples` of the clauses, played one after the other, are in words, as they were written.

    A word counts once its end has been played. Where the engine gave no word ends they are taken to follow the
    number of letters; of a clause whose length is not known, at the pace of the others.
    """
    pace = samples_per_letter([(each.text, each.total_samples or 0) for each in clauses], rate_hz)
    texts: list[str] = []
    index = 0
    for clause in clauses:
        if clause.sent_samples <= 0 or played_samples <= 0:
            continue
        index = clause.index
        text = _heard_of_clause(clause, min(played_samples, clause.sent_samples), pace)
        played_samples -= clause.sent_samples
        if text:
            texts.append(text)
    return HeardWords(put_together(texts), index)


def _heard_of_clause(clause: SaidClause, played_samples: int, pace: float) -> str:
    if clause.total_samples is not None and played_samples >= clause.total_samples:
        return clause.text
    words = list(_WORD.finditer(clause.text))
    ends: Sequence[float] = clause.word_end_samples
    if len(ends) != len(words):
        ends = _ends_by_letters(clause, words, pace)
    end = 0
    for word, end_sample in zip(words, ends, strict=True):
        if end_sample > played_samples:
            break
        end = word.end()
    return clause.text[:end]


def _ends_by_letters(clause: SaidClause, words: Sequence[re.Match[str]], pace: float) -> list[float]:
    if clause.total_samples is None:
        indent = len(clause.text) - len(clause.text.lstrip())
        # Its last word has not ended: more sound was to come.
        return [(word.end() - indent) * pace for word in words[:-1]] + [math.inf] * bool(words)
    letters = max(1, len(clause.text.rstrip()))
    return [word.end() / letters * clause.total_samples for word in words]
