"""Text as Postgres can store it, without NUL (U+0000), which clients may send.

NUL becomes U+241B U+2400 (the symbols for escape and null). So that every text can be restored, the symbol for
escape itself is doubled. All other text is stored unchanged.
"""

import json
import re
from typing import Any, overload

ESCAPE, NUL = "\u241b", "\u2400"

_ESCAPED = re.compile(f"{ESCAPE}([{ESCAPE}{NUL}])")


@overload
def stored(text: str) -> str: ...
@overload
def stored(text: None) -> None: ...
def stored(text: str | None) -> str | None:
    """Return text in the form for a column."""
    if text is None or ("\0" not in text and ESCAPE not in text):
        return text
    return text.replace(ESCAPE, ESCAPE * 2).replace("\0", ESCAPE + NUL)


def said(text: str) -> str:
    """Return the original text of a column's value: the inverse of `stored`."""
    if ESCAPE not in text:
        return text
    return _ESCAPED.sub(lambda match: "\0" if match.group(1) == NUL else ESCAPE, text)


def stored_json(document: str) -> str:
    """Return a JSON document for a jsonb column: the same, with `stored` applied to every text in it."""
    if "\\u0000" not in document and ESCAPE not in document:
        return document
    return json.dumps(_each_text(json.loads(document)), ensure_ascii=False)


def _each_text(value: Any) -> Any:
    if isinstance(value, str):
        return stored(value)
    if isinstance(value, list):
        return [_each_text(item) for item in value]
    if isinstance(value, dict):
        return {stored(key): _each_text(item) for key, item in value.items()}
    return value
