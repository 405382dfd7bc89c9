"""An answer on its way to a reader: tokens as they come, clauses as they are stored. Pure.

Tokens are a preview that may get lost or be rewritten; clauses are what the log stores.
"""

import string
from dataclasses import dataclass, field

from contracts.written import joint, put_together

_MARKS = string.punctuation + "\u2019\u201d\u2026"


@dataclass(frozen=True, slots=True)
class TextToken:
    """The next piece of text: the tokens together are the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Clause:
    """A stored clause, whose words were sent as tokens before."""

    index: int
    text: str


@dataclass(frozen=True, slots=True)
class Reset:
    """Tokens were lost, or go beyond what is stored: `text` replaces everything so far."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolStarted:
    """The answer needs a tool, which runs now; `arguments` are JSON as the model wrote them."""

    call_id: str
    tool: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ToolEnded:
    """A tool of the answer ran for `elapsed_ms`, with a result or an error."""

    call_id: str
    tool: str
    result: str
    error: str | None
    elapsed_ms: float


Piece = TextToken | Clause | Reset | ToolStarted | ToolEnded


class Writing:
    """Combines the tokens and clauses of one reply.

    Once a token is missing (its number jumps, another process continues, a clause comes without its tokens), the rest
    is sent clause by clause.
    """

    def __init__(self) -> None:
        self.clauses: dict[int, str] = {}
        self._shown = ""
        self._next = 0
        self._by_clause = False

    def token(self, number: int, text: str) -> list[Piece]:
        """Apply a token; return the pieces to send."""
        if self._by_clause:
            return []
        if number != self._next:
            return self._go_by_clause()
        self._next += 1
        self._shown += text
        return [TextToken(text)]

    def clause(self, index: int, text: str) -> list[Piece]:
        """Apply a stored clause; return the pieces to send."""
        if index in self.clauses:
            return []
        before = self.text
        self.clauses[index] = text
        told: list[Piece] = []
        if not self._by_clause and _letters(self._shown) < _letters(self.text):
            had_shown = self._shown
            told = self._go_by_clause()
            if not had_shown:
                told = [TextToken(self.text)]
        elif self._by_clause:
            told = [TextToken(joint(before, text) + text)]
        return [*told, Clause(index, text)]

    def end(self, text: str) -> list[Piece]:
        """Apply the whole text, at its end; return the pieces to send: the model may have begun more than is stored."""
        is_delivered = (self.text if self._by_clause else self._shown) == text
        return [] if is_delivered else [Reset(text)]

    @property
    def text(self) -> str:
        """All clauses so far."""
        return put_together(self.clauses[index] for index in sorted(self.clauses))

    def _go_by_clause(self) -> list[Piece]:
        self._by_clause = True
        return [Reset(self.text)]


@dataclass(slots=True)
class Delivered:
    """What has reached the reader."""

    shown: str = ""
    clauses: dict[int, str] = field(default_factory=dict)

    def take(self, piece: Piece) -> None:
        """Apply a piece that was sent."""
        match piece:
            case TextToken(text):
                self.shown += text
            case Reset(text):
                self.shown = text
            case Clause(index, text):
                self.clauses[index] = text
            case ToolStarted() | ToolEnded():
                pass

    def text(self, written: str) -> str:
        """Return the words that were read: whole clauses, and what the tokens have shown of the next one.

        `written` is all that the log has of the reply. What was shown beyond it is in no fact, so it does not count as
        read.
        """
        stored = put_together(self.clauses[index] for index in sorted(self.clauses))
        if not written.startswith(stored):
            return stored.rstrip()
        return (stored + _common(written[len(stored) :], _behind(self.shown, stored))).rstrip()


def _common(written: str, shown: str) -> str:
    """Return how far `shown` has the letters of `written`; between them it may have marks that were not stored."""
    letters, end = filter(str.isalnum, shown), 0
    for place, character in enumerate(written):
        if character.isalnum():
            if next(letters, "") != character:
                return written[:end]
            end = place + 1
    return written


def _letters(text: str) -> int:
    return sum(character.isalnum() for character in text)


def _behind(shown: str, stored: str) -> str:
    """Return what `shown` has after the words of `stored`; empty if they are not its beginning."""
    if shown.startswith(stored):
        return shown[len(stored) :]
    place = 0
    for character in filter(str.isalnum, stored):
        while place < len(shown) and not shown[place].isalnum():
            place += 1
        if place == len(shown) or shown[place] != character:
            return ""
        place += 1
    return shown[place:].lstrip(_MARKS)
