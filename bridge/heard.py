"""What a person has heard of a reply: from played samples to words."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from contracts.written import put_together

_WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class SaidClause:
    """A clause that was sent to be played: `sent_samples` of its `total_samples`, and where its words end."""

    index: int
    text: str
    sent_samples: int
    total_samples: int
    word_end_samples: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Heard:
    """The heard text, and the index of the clause in which the sound stopped."""

    text: str
    clause_index: int


def heard(clauses: Sequence[SaidClause], played_samples: int) -> Heard:
    """Return what `played_samples` of the clauses, played one after the other, are in words, as they were written.

    A word counts once its end has been played. Where the engine gave no word ends they are taken to follow the
    number of letters.
    """
    texts: list[str] = []
    index = 0
    for clause in clauses:
        if clause.sent_samples <= 0 or played_samples <= 0:
            continue
        index = clause.index
        text = _heard_of_clause(clause, min(played_samples, clause.sent_samples))
        played_samples -= clause.sent_samples
        if text:
            texts.append(text)
    return Heard(put_together(texts), index)


def _heard_of_clause(clause: SaidClause, played_samples: int) -> str:
    if played_samples >= clause.total_samples:
        return clause.text
    words = list(_WORD.finditer(clause.text))
    ends: Sequence[float] = clause.word_end_samples
    if len(ends) != len(words):
        letters = max(1, len(clause.text.rstrip()))
        ends = [word.end() / letters * clause.total_samples for word in words]
    end = 0
    for word, end_sample in zip(words, ends, strict=True):
        if end_sample > played_samples:
            break
        end = word.end()
    return clause.text[:end]
