"""The heard and the unheard part of a written answer, in its written form. Pure."""

import re
from difflib import SequenceMatcher

_WORD = re.compile(r"\S*\w\S*")
"""What can be heard: marks alone (a list's dash, a table's rule, a fence) belong to the form."""

MOST_WORDS = 4_000
"""Longer answers are not searched for gaps in their middle: that takes quadratic time."""


def as_heard(written: str, heard: str) -> tuple[str, str]:
    """Return what was heard in its written form, and the rest, with an ellipsis between its pieces.

    `heard` has words of `written`, in their order; marks between heard words count as seen with them.
    """
    words = list(_WORD.finditer(written))
    names, told = [word[0] for word in words], _WORD.findall(heard)
    if names == told:
        return written, ""
    if names[: len(told)] == told:
        end = words[len(told) - 1].end() if told else 0
        return written[:end], _from_line(written[end:])
    if len(names) > MOST_WORDS:
        return heard, ""
    matched = SequenceMatcher(None, names, told, autojunk=False).get_opcodes()
    cuts = [(first, end) for kind, first, end, _, _ in matched if kind in ("delete", "replace")]
    pieces = [written[words[first - 1].end() if first else 0 : words[end - 1].end()] for first, end in cuts]
    return heard, " … ".join(map(_from_line, pieces))


def _from_line(piece: str) -> str:
    """Return a piece without the space before it; the indentation of a separate line stays."""
    space = len(piece) - len(piece.lstrip())
    own_line = piece.rfind("\n", 0, space) + 1
    return (piece[own_line:] if own_line else piece[space:]).rstrip()
