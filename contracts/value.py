"""What events and their parts are made of, and which of their fields are measured."""

from functools import cache
from types import NoneType
from typing import Annotated, Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo

_MEASURED = "measured"


class Value(BaseModel):
    """A part of an event; frozen, and tolerant of fields that a newer version added."""

    # Defaults are validated so that an omitted field and the same value given produce the same bytes (0 and 0.0).
    # Errors do not contain what was said: they end up in log files.
    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        validate_default=True,
        hide_input_in_errors=True,
        ser_json_bytes="base64",
        val_json_bytes="base64",
    )


T = TypeVar("T")

Measured = Annotated[T, Field(json_schema_extra={_MEASURED: True})]
"""A field that is measured in the run that wrote the event, and so has another value in every run.

It is a time, a duration on a clock, which process wrote it, or how far something had got at that moment that went on
meanwhile (a draft that is discarded). A replay does not compare it. What is counted or decided
(samples, words, the silence that was required) is not measured, nor is what is copied from another event.
"""


@cache
def measured_fields(model: type[Value]) -> frozenset[str]:
    """Return the measured fields of an event class, in its parts too: `time_ns`, `evidence.opinions.elapsed_ms`.

    A part that is measured as a whole (`parts` of PlaybackStarted) is named without its fields.
    """
    found: set[str] = set()
    for name, field in model.model_fields.items():
        if _is_measured(field):
            found.add(name)
            continue
        for part in _parts_in(field.annotation):
            found.update(f"{name}.{each}" for each in measured_fields(part))
    return frozenset(found)


def _is_measured(field: FieldInfo) -> bool:
    extra = field.json_schema_extra
    return isinstance(extra, dict) and extra.get(_MEASURED) is True


def _parts_in(annotation: Any) -> list[type[Value]]:
    """Return the parts that a field of this type may hold, alone or in a list."""
    if isinstance(annotation, type) and issubclass(annotation, Value):
        return [annotation]
    return [part for each in get_args(annotation) if each not in (NoneType, ...) for part in _parts_in(each)]
