"""Writes `docs/settings.md` from the settings: `python -m infra.cli.settings_table` (`make settings-table`)."""

import json
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from infra.settings import Settings

PATH = Path(__file__).parents[2] / "docs" / "settings.md"
HEAD = """# Settings

Every setting is an environment variable, or a line of the same form in a file `.env` in the directory where the
command is given; the environment wins. `daredevil settings` shows the values in force.

The engines (`DAREDEVIL_LLM`, `DAREDEVIL_STT`, `DAREDEVIL_TTS`) may name several, separated by commas: when the first
fails the next is used, and the failure is a fact of the session.

This table is written by `make settings-table`; a test fails when it is out of date.

| setting | values | default | what it is for |
|---|---|---|---|
"""


def table() -> str:
    """Return the whole page."""
    return HEAD + "".join(_row(name, field) for name, field in Settings.model_fields.items())


def _row(name: str, field: FieldInfo) -> str:
    default = _shown(field.get_default(call_default_factory=True))
    values = " ".join([_kind(field.annotation), *_bounds(field)])
    return f"| `DAREDEVIL_{name.upper()}` | {values} | {default} | {field.description} |\n"


def _kind(annotation: Any) -> str:
    origin = get_origin(annotation)
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in get_args(annotation))
    if origin in (Union, UnionType):
        return " or ".join(_kind(kind) for kind in get_args(annotation))
    names = {bool: "`true`, `false`", int: "whole number", float: "number", str: "text", Path: "path", dict: "JSON"}
    return names.get(origin or annotation, str(annotation))


def _bounds(field: FieldInfo) -> list[str]:
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    found = [(sign, getattr(rule, key, None)) for rule in field.metadata for key, sign in signs.items()]
    return [f"{sign} {bound}" for sign, bound in found if bound is not None]


def _shown(default: object) -> str:
    if default in ("", None):
        return ""
    text = str(default).lower() if isinstance(default, bool) else str(default)
    return f"`{json.dumps(default) if isinstance(default, dict) else text}`"


if __name__ == "__main__":
    PATH.write_text(table())
    print(f"wrote {PATH.name}")
