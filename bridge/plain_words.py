"""What is wrong with what a client has sent, in plain words: the libraries' own speak to programmers. Pure."""

import sys
from collections.abc import Mapping
from json import JSONDecodeError
from typing import Any

DEEP = "it is nested too deeply to be read"
_UNITS = {"List": "entries", "Tuple": "entries", "Set": "entries", "Dictionary": "entries"}
_WANTED = {
    "string_type": "a text is wanted",
    "string_unicode": "it has half a character in it (a lone surrogate)",
    "list_type": "a list is wanted",
    "dict_type": "an object is wanted",
    "model_type": "an object is wanted",
    "model_attributes_type": "an object is wanted",
    "missing": "it is missing",
    "extra_forbidden": "there is no field of this name",
    "finite_number": "a finite number is wanted",
}
_KINDS = {
    "int": "a whole number is wanted",
    "float": "a number is wanted",
    "bool": "true or false is wanted",
    "datetime": "an ISO 8601 time is wanted, such as 2026-11-29T12:00:00Z",
}
_LIMITS = {
    "greater_than_equal": ("ge", "at least"),
    "less_than_equal": ("le", "at most"),
    "greater_than": ("gt", "over"),
}


def wrong_field(problem: Mapping[str, Any]) -> str:
    """Return what is wrong with a field; `problem` is one of pydantic's `errors()`, with its context."""
    kind, told = str(problem["type"]), problem.get("ctx") or {}
    if kind == "value_error":
        return str(told.get("error", "")) or str(problem["msg"]).removeprefix("Value error, ")
    if kind == "literal_error":
        return f"{told['expected']} is wanted"
    if kind in _LIMITS:
        name, words = _LIMITS[kind]
        return f"a number of {words} {told[name]:g} is wanted"
    if kind in ("string_too_long", "too_long"):
        return f"at most {told['max_length']} {_UNITS.get(told.get('field_type', ''), 'characters')} are taken"
    if kind in ("string_too_short", "too_short"):
        return f"at least {told['min_length']} {_UNITS.get(told.get('field_type', ''), 'characters')} are wanted"
    return _WANTED.get(kind) or _KINDS.get(kind.partition("_")[0]) or "it has not the form that is wanted"


def unread_json(error: BaseException) -> str:
    """Return why JSON was not read; `error` is what `json.loads` has raised for it."""
    match error:
        case RecursionError():
            return DEEP
        case UnicodeDecodeError():
            return f"it is not UTF-8 at byte {error.start + 1}"
        case JSONDecodeError():
            return f"it is no JSON: {error.msg}, at character {error.pos}"
    return f"a number in it has more than {sys.get_int_max_str_digits():,} digits"
