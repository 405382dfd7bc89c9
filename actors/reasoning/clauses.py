"""Cuts a stream of text into clauses made for the ear: the unit of synthesis and playback.

The first clause is short, so that its sound can begin early; later ones end with their sentence, or at a comma
once they are long. Nothing is changed: the clauses put together are the text again, up to white space.
"""

import re

FIRST_WORDS = 2
"""A first clause may end at a comma from this many words on."""
FIRST_MOST_WORDS = 3
"""A first clause without a mark is cut behind this many words, unless one word more ends it: a whole sentence would
take twice the time to its first sound."""
LATER_WORDS = 15
"""Later clauses may end at a comma from this many words on."""
MOST_WORDS = 40
"""A clause ends at the next space after this many words, whatever it says."""
MOST_CHARS = 400
"""A clause is cut here even within a word: no language has such words."""

_CLOSERS = "\"'\u201d\u2019\u00bb)]}*_`"
_HARD = "!?\u3002\uff01\uff1f"
"""Ends of sentences; the full stop needs a closer look."""
_SOFT = ",;:\u2014\u2013\u2026"
_ABBREVIATIONS = frozenset(
    re.findall(
        r"\S+",
        "dr mr mrs ms prof st sr jr rev gen col capt lt sgt hon mt vs etc approx dept est fig nos vol pp inc ltd"
        " corp e.g i.e a.m p.m u.s u.k u.n d.c b.c a.d ph.d cf jan feb apr aug sep sept oct nov dec ave blvd",
    )
)
_INITIALS = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]")
_LIST_NUMBER = re.compile(r"\s*\d{1,3}")
_HARD_END = re.compile(rf"[.{_HARD}][{re.escape(_CLOSERS)}]*$")


class ClauseSplitter:
    """Takes text as it is written and gives clauses as soon as their end is certain, however the text is cut.

    `first` says whether the next clause is the first of its reply.
    """

    def __init__(self, first: bool = True) -> None:
        self._text = ""
        self._at = 0
        self._words = 0
        self._short_end = 0
        self._first = first

    def feed(self, text: str) -> list[str]:
        """Take more text; return the clauses that it completes, without surrounding white space."""
        self._text += text
        clauses = []
        # The last character waits for the next one: a full stop may be followed by a digit.
        while self._at < len(self._text) - 1:
            self._at += 1
            if self._ends_at(self._at):
                clauses += self._cut(self._at)
            elif self._first and self._words > FIRST_MOST_WORDS and is_speakable(self._text[: self._short_end]):
                clauses += self._cut(self._short_end)
        return clauses

    def finish(self) -> list[str]:
        """Return what is left when the text has ended."""
        return self._cut(len(self._text))

    def _cut(self, end: int) -> list[str]:
        clause, self._text = self._text[:end].strip(), self._text[end:]
        self._at = self._words = self._short_end = 0
        if not clause:
            return []
        self._first = self._first and not is_speakable(clause)
        return [clause]

    def _ends_at(self, end: int) -> bool:
        """Tell whether a clause ends before the character at `end`."""
        before, after = self._text[end - 1], self._text[end]
        if before == "\n" or end >= MOST_CHARS:
            return True
        if not after.isspace():
            return before in "\u2014\u3002\uff01\uff1f" and after not in _CLOSERS and self._ends_with(end, before)
        if not before.isspace():
            self._words += 1
        if self._words == FIRST_MOST_WORDS:
            self._short_end = end
        if self._words >= MOST_WORDS:
            return True
        body = self._text[:end].rstrip(_CLOSERS)
        return bool(body) and self._ends_with(len(body), body[-1])

    def _ends_with(self, end: int, mark: str) -> bool:
        """Tell whether the clause up to `end`, whose last character is `mark`, may end there."""
        if mark in _HARD:
            return True
        if mark == "." and not self._text.endswith("..", 0, end):
            return not self._is_abbreviated(self._text[: end - 1])
        dash = mark == "-" and (end < 2 or self._text[end - 2].isspace())
        if mark not in _SOFT and mark != "." and not dash:
            return False
        words = self._words + (mark == "\u2014" and end > 1 and not self._text[end - 2].isspace())
        return words >= (FIRST_WORDS if self._first else LATER_WORDS) and is_speakable(self._text[:end])

    @staticmethod
    def _is_abbreviated(text: str) -> bool:
        """Tell whether a full stop after `text` belongs to an abbreviation, an initial or a list's number."""
        if _LIST_NUMBER.fullmatch(text):
            return True
        word = re.split("[\\s(\\[\"'\u201c\u2018]", text)[-1]
        if word.lower() in _ABBREVIATIONS:
            return True
        # "I" ends a sentence more often than it begins a name.
        return _INITIALS.fullmatch(word) is not None and word != "I"


def is_speakable(text: str) -> bool:
    """Tell whether there is a letter or digit in it: only then is it worth a sound."""
    return any(character.isalnum() for character in text)


def ends_sentence(clause: str) -> bool:
    """Tell whether the clause ends with a full stop, question or exclamation mark."""
    return _HARD_END.search(clause) is not None


_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_LINE_MARKS = re.compile(r"^\s*(?:#{1,6}\s+|>\s+|[-*+•]\s+)", re.MULTILINE)
_INLINE_MARKS = re.compile(r"\*+|`+|~~+|(?<!\w)_+|_+(?!\w)")
_PICTURES = re.compile(
    "[\u200d\u20e3\u2190-\u21ff\u2300-\u23ff\u2460-\u27bf\u2b00-\u2bff\ufe00-\ufe0f\U0001f000-\U0001faff\U000e0000-\U000e007f]"
)


def spoken(clause: str) -> str:
    """Return the clause as it is to be said: without Markdown, emoji and control characters; empty if that is all."""
    text = _LINK.sub(r"\1", clause)
    text = _LINE_MARKS.sub("", text)
    text = _PICTURES.sub("", _INLINE_MARKS.sub("", text))
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if is_speakable(text) else ""


def normalised(text: str) -> str:
    """Return the words alone, for comparison: no case, punctuation or spacing."""
    words = re.findall(r"[^\W_]+(?:'[^\W_]+)?", text.casefold().replace("\u2019", "'"))
    return " ".join(words) or " ".join(text.casefold().split())
