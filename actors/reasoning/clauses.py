"""Cuts a stream of text into clauses, the unit of synthesis and playback.

The first clause is short, so that its sound can begin early; later ones end with their sentence, or at a comma
once they are long. Nothing is changed: each clause holds the white space before it; joined, they are the text.
What belongs together (abbreviations, numbers and their units, addresses, spans of markup) is not cut apart.
"""

import re

from contracts.written import CUTS_WITHOUT_SPACE, MOST_CLAUSE_CHARS
from infra.spoken.wholes import is_bound, is_in_markup, stops_at

FIRST_WORDS = 2
"""A first clause may end at a comma from this many words on."""
FIRST_MOST_WORDS = 3
"""A first clause without a mark is cut after this many words, unless one word more ends it: a whole sentence would
take twice as long to its first sound."""
LATER_WORDS = 15
"""Later clauses may end at a comma from this many words on."""
MOST_WORDS = 40
"""A clause ends at the next space after this many words, whatever it says."""

_CLOSERS = "\"'\u201d\u2019\u00bb)]}*_`~"
_HARD = "!?\u3002\uff01\uff1f"
"""Ends of sentences; the full stop needs a closer look."""
_SOFT = ",;:\u2014\u2013\u2026"
_HARD_END = re.compile(rf"[.{_HARD}][{re.escape(_CLOSERS)}]*$")


class ClauseSplitter:
    """Accepts text as it is written and returns clauses as soon as their end is certain, however the text is cut.

    `first` says whether the next clause is the first of its reply.
    """

    def __init__(self, first: bool = True) -> None:
        self._text = ""
        self._at = 0
        self._words = 0
        self._word_ends: list[int] = []
        self._doubt = 0
        """Place of a full stop that may not end the sentence; the next word decides."""
        self._first = first

    def feed(self, text: str) -> list[str]:
        """Add text; return the clauses that it completes, each with the white space before it."""
        self._text += text
        clauses = []
        # The last character waits for the next one: a full stop may be followed by a digit.
        while self._at < len(self._text) - 1:
            self._at += 1
            if end := self._end():
                clauses.append(self._cut(end))
        return clauses

    def finish(self) -> list[str]:
        """Return what is left when the text has ended."""
        return [self._cut(len(self._text))] if self._text else []

    def _cut(self, end: int) -> str:
        clause, self._text = self._text[:end], self._text[end:]
        self._at = self._words = self._doubt = 0
        self._word_ends = []
        self._first = self._first and not is_speakable(clause)
        return clause

    def _end(self) -> int:
        """Return where a clause ends, now that the text is known up to the character at `_at`; 0 if none does."""
        end, after = self._at, self._text[self._at]
        if end >= MOST_CLAUSE_CHARS:
            return self._last_resort()
        if doubt := self._doubt:
            following = self._text[doubt:end].lstrip()
            if not after.isspace() or not following:
                return 0  # the whole next word decides
            self._doubt = 0
            if stops_at(self._text[:doubt], following) and self._is_whole(doubt):
                return doubt
        if not after.isspace():
            before = self._text[end - 1]
            is_mark = before in CUTS_WITHOUT_SPACE and after not in _CLOSERS and after not in CUTS_WITHOUT_SPACE
            return end if is_mark and self._ends_with(end, before) and self._is_whole(end) else 0
        return self._end_before_space(end, after)

    def _end_before_space(self, end: int, after: str) -> int:
        if self._text[end - 1].isspace():
            return 0
        self._words += 1
        self._word_ends.append(end)
        body = self._text[:end].rstrip(_CLOSERS)
        is_long = self._words >= MOST_WORDS and not is_bound(self._text[:end], "")
        if after == "\n" or is_long or (body and self._ends_with(len(body), body[-1], end)):
            return end if self._is_whole(end) else 0
        if self._first and self._words > FIRST_MOST_WORDS:
            short = self._word_ends[-2]
            if self._is_whole(short) and not is_bound(self._text[:short], self._text[short:end]):
                return short
        return 0

    def _is_whole(self, end: int) -> bool:
        """Return whether there is something to say up to `end` and it is not within markup."""
        return is_speakable(self._text[:end]) and not is_in_markup(self._text[:end])

    def _last_resort(self) -> int:
        """Return where to cut a text without an end, between words if it has several."""
        ends = [end for end in self._word_ends if is_speakable(self._text[:end])]
        kept = [end for end in ends if not is_bound(self._text[:end], self._text[end:])]
        whole = [end for end in kept if not is_in_markup(self._text[:end])]
        return next((each[-1] for each in (whole, kept, ends) if each), self._at)

    def _ends_with(self, end: int, mark: str, word_end: int = 0) -> bool:
        """Return whether the clause up to `end`, whose last character is `mark`, may end there."""
        if mark in _HARD:
            return True
        if mark == "." and not self._text.endswith("..", 0, end):
            stops = stops_at(self._text[:end])
            if stops is None:
                self._doubt = word_end
            return bool(stops)
        dash = mark == "-" and (end < 2 or self._text[end - 2].isspace())
        if mark not in _SOFT and mark != "." and not dash:
            return False
        words = self._words + (mark == "\u2014" and end > 1 and not self._text[end - 2].isspace())
        if words < (FIRST_WORDS if self._first else LATER_WORDS):
            return False
        return is_speakable(self._text[:end]) and not is_bound(self._text[:end], "")


def is_speakable(text: str) -> bool:
    """Return whether it has a letter or digit: only then can it be spoken."""
    return any(character.isalnum() for character in text)


def ends_sentence(clause: str) -> bool:
    """Return whether the clause ends with a full stop, question or exclamation mark."""
    return _HARD_END.search(clause) is not None
