"""How the clauses of a reply are joined to what the model wrote."""

from collections.abc import Iterable

MOST_CLAUSE_CHARS = 400
"""A clause is cut here even within a word: no language has words this long."""
CUTS_WITHOUT_SPACE = "\u2014\u3002\uff01\uff1f\u300d\u300f\uff09\u3001\uff0c"
"""Marks after which a clause may end although no white space follows."""


def joint(before: str, after: str) -> str:
    """Return what stands between two clauses: nothing, because each holds the white space before it.

    Clauses of old logs do not; their words are separated by a space.
    """
    if not before or not after or before[-1].isspace() or after[0].isspace():
        return ""
    return "" if before[-1] in CUTS_WITHOUT_SPACE or len(before) >= MOST_CLAUSE_CHARS else " "


def put_together(clauses: Iterable[str]) -> str:
    """Return the exact text whose pieces the clauses are."""
    pieces: list[str] = []
    for clause in filter(None, clauses):
        if pieces:
            pieces.append(joint(pieces[-1], clause))
        pieces.append(clause)
    return "".join(pieces)
