"""Writes what the Helm chart knows of the settings, so that it refuses wrong ones: `make settings-table`."""

import json
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from infra.settings import ENV_PREFIX, Settings
from infra.settings_shown import allowed_values, is_secret_name
from infra.settings_types import JWKS_SOURCES

PATH = Path(__file__).parent / "helm" / "files" / "settings.json"

WHOLE, NUMBER = r"^[+-]?[0-9]+$", r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)$"
"""Numbers as a chart's values have them; the program takes others, too, which nobody writes there."""

TRUTH = r"^(?i:true|false|1|0|yes|no|on|off)$"


def text() -> str:
    """Return the whole file: a row for each setting by its variable."""
    rows = {f"{ENV_PREFIX}{name.upper()}": _row(name, field) for name, field in Settings.model_fields.items()}
    return json.dumps(rows, indent=1) + "\n"


def _row(name: str, field: FieldInfo) -> dict[str, Any]:
    """Return what a value of a setting must be; in `words` as the program says it."""
    if is_secret_name(name):
        return {"secret": True}
    if name == "auth":
        return {"secret": True, "unless": f"^({'|'.join(JWKS_SOURCES)})"}
    pattern = _pattern(field.annotation)
    if not pattern:
        return {}
    bounds = {
        key: getattr(rule, key)
        for rule in field.metadata
        for key in ("ge", "gt", "le", "lt")
        if getattr(rule, key, None) is not None
    }
    return {"pattern": pattern, **bounds, "words": allowed_values(field)}


def _pattern(annotation: Any) -> str:
    """Return the pattern of what may be written for a type; empty for any text."""
    origin = get_origin(annotation)
    if origin is Literal:
        return f"^({'|'.join(get_args(annotation))})$"
    if origin in (Union, UnionType):
        patterns = [_pattern(each) for each in get_args(annotation)]
        return "|".join(patterns) if all(patterns) else ""
    return {bool: TRUTH, int: WHOLE, float: NUMBER, NoneType: "^$"}.get(annotation, "")


if __name__ == "__main__":
    PATH.write_text(text())
    print(f"wrote {PATH.name}")
