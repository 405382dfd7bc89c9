"""Written text as lines that are safe to show: without control characters and marks that reorder text. Pure."""

import re

_INVISIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff]|[\ud800-\udfff]")
"""Control characters, and marks that change the direction of text."""

_BREAK = re.compile("\r\n|[\n\r\x0b\x0c\x85\u2028\u2029]")
"""What ends a line, as in `str.splitlines`, without the separators of records."""


def one_line(text: str) -> str:
    """Return the text in one line, without control characters and marks that reorder it."""
    return " ".join(_INVISIBLE.sub(" ", text).split())


def lines_of(text: str) -> list[str]:
    """Return the text's lines with their indentation; no two empty ones in a row, and none at its start and end."""
    lines: list[str] = []
    for line in _BREAK.split(text):
        shown = _INVISIBLE.sub(" ", line).expandtabs(4).rstrip()
        if shown or (lines and lines[-1]):
            lines.append(shown)
    return lines[:-1] if lines and not lines[-1] else lines
