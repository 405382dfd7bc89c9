"""A setting's value and what is wrong with it, as text for people: without keys and passwords."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from infra.settings_types import JWKS_SOURCES

MOST_CHARS = 100
"""Longest value that a message repeats."""


def in_json(name: str, value: object) -> object:
    """Return a setting's value for JSON, without keys and passwords."""
    if isinstance(value, dict):
        return _without_secrets(value)
    return shown(name, value) if isinstance(value, (str, Path)) else value


def shown(name: str, value: object) -> str:
    """Return a setting's value for display, with keys and passwords hidden."""
    if isinstance(value, dict):
        return json.dumps(_without_secrets(value), default=str) if value else ""
    text = "" if value is None else str(value)
    if is_secret_name(name) or (name == "auth" and not text.startswith(JWKS_SOURCES)):
        return "…" if text else ""
    if name.endswith("_url"):
        text = re.sub(r"^([\w+.-]+://)?.*@", r"\1…@", text)
        return re.sub(r"(?i)(password|token|secret)(\s*=\s*)[^\s&,]+", r"\1\2…", text)
    return text


def is_secret_name(name: str) -> bool:
    """Return whether a setting, named in lower case, is a key or a password."""
    return name.endswith(("_key", "_secret", "_token", "_password"))


def _without_secrets(options: dict[str, object]) -> dict[str, object]:
    return {key: "…" if _is_secret(str(key)) else item for key, item in options.items()}


def _is_secret(key: str) -> bool:
    return any(word in key.lower() for word in ("key", "secret", "token", "password")) and "tokens" not in key.lower()


def problem_line(prefix: str, fields: Mapping[str, FieldInfo], error: ErrorDetails) -> str:
    """Return what is wrong with a setting: its name, its value unless it may be secret, and what is allowed.

    An error about several settings names them itself.
    """
    said = error["msg"].removeprefix("Value error, ")
    if not error["loc"]:
        return said
    name = str(error["loc"][0]).lower()
    field = fields.get(name)
    if error["type"] != "value_error" and field is not None:
        said = f"must be {allowed}" if (allowed := allowed_values(field)) else said
    value = "" if field is None or get_origin(field.annotation) is dict else shown(name, error["input"])
    given = f"={value[:MOST_CHARS]}" if value and value != "…" else ""
    return f"{prefix}{name.upper()}{given}: {said}"


def allowed_values(field: FieldInfo) -> str:
    """Return which values a setting accepts: `a whole number, at least 0 and at most 65535`; empty for any text."""
    kind = _kind(field.annotation)
    words = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
    bounds = [
        f"{word} {getattr(rule, key):g}"
        for rule in field.metadata
        for key, word in words.items()
        if getattr(rule, key, None) is not None
    ]
    return ", ".join([kind, " and ".join(bounds)] if bounds else [kind])


def _kind(annotation: Any) -> str:
    origin = get_origin(annotation)
    if origin is Literal:
        return f"one of {', '.join(f'`{value}`' for value in get_args(annotation))}"
    if origin in (Union, UnionType):
        return " or ".join(_kind(kind) for kind in get_args(annotation))
    kinds = {bool: "`true` or `false`", int: "a whole number", float: "a number", Path: "a path", NoneType: "empty"}
    return 'a JSON object such as {"temperature": 0.2}' if origin is dict else kinds.get(annotation, "")
