"""An event in one line: the fields that matter to a reader."""

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from contracts.events import Event

COMMON = frozenset(Event.model_fields)
TEXTS = ("text", "heard_text", "summary", "user_text", "error", "result")
SHORTENED = ("reply_id", "utterance_id", "call_id", "recording_id", "same_as_turn_id")
LEFT_OUT = ("context", "profile", "word_end_samples", "utterance_ids", "written_text", "embedding")


def describe(event: Event) -> tuple[str, str]:
    """Return an event's name and its main fields; text first, ids cut to 8 characters, times and defaults left out."""
    fields = {name: value for name, value in _said(event) if name not in COMMON and name not in LEFT_OUT}
    if "skeleton" in fields:
        fields["facts"] = len(fields.pop("skeleton"))
    texts = [_quoted(str(fields.pop(name))) for name in TEXTS if name in fields]
    others = [f"{name}={_value(name, value)}" for name, value in fields.items() if not name.endswith("_ns")]
    return type(event).__name__, " ".join(texts + others)


def _said(model: BaseModel) -> Iterator[tuple[str, Any]]:
    """Yield the fields that say something. A probability of 0 does, where nothing would mean that there is none."""
    for name, value in model:
        is_nought = value == 0 and not isinstance(value, bool)
        if value or (is_nought and type(model).model_fields[name].default is None):
            yield name, value


def _quoted(text: str, limit: int = 160) -> str:
    shown = " ".join(text.split())
    return f"“{shown[:limit]}…”" if len(shown) > limit else f"“{shown}”"


def _value(name: str, value: Any) -> str:
    if name in SHORTENED or name.endswith("_reply_id"):
        return str(value)[:8]
    if isinstance(value, float):
        return f"{value:.0f}" if abs(value) >= 10 else f"{value:.3g}"
    if isinstance(value, (dict, BaseModel)):
        parts = _said(value) if isinstance(value, BaseModel) else ((key, part) for key, part in value.items() if part)
        inner = [f"{key}={_value(key, part)}" for key, part in parts if not key.endswith("_ns")]
        return "(" + " ".join(inner) + ")"
    if isinstance(value, (list, tuple)):
        return ",".join(_value(name, item) for item in value)
    return str(value)
