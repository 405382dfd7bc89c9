"""An event of every class, with every field set or only those that must be, the same in every run."""

from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from contracts.events import Event
from contracts.topology import EVENTS

EVENT_CLASSES: tuple[type[Event], ...] = tuple(row.event for row in EVENTS)
BY_NAME = {event_class.__name__: event_class for event_class in EVENT_CLASSES}
IDS = {"session_id", "participant_id", "track_id", "addressed_id", "forked_from"}


def fields_of(model: type[BaseModel], every: bool) -> dict[str, Any]:
    """Return plain field values for `model`: all of them, or only the required ones."""
    fields = {
        name: _value(name, field.annotation, every)
        for name, field in model.model_fields.items()
        if every or field.is_required()
    }
    if "schema_version" in fields and issubclass(model, Event):
        fields["schema_version"] = model.SCHEMA_VERSION
    return fields


def sample(event_class: type[Event], every: bool = True) -> Event:
    """Return one event of the class."""
    return event_class.model_validate(fields_of(event_class, every))


def _value(name: str, annotation: Any, every: bool) -> Any:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _value(name, arguments[0], every)
    if origin in (Union, UnionType):
        return _value(name, next(kind for kind in arguments if kind is not NoneType), every)
    if origin is Literal:
        return arguments[-1]
    if origin is dict:
        return {f"{name}.key": _value(name, arguments[1], every)}
    if origin is tuple:
        return [_value(name, arguments[0], every)] * 2
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return fields_of(annotation, every)
    return _plain_value(name, annotation)


def _plain_value(name: str, annotation: Any) -> Any:
    if annotation is int:
        if name == "code":
            return 11
        return 1_795_370_000_123_456_789 if name.endswith("_ns") else 48_000
    if annotation is float:
        return 0.625
    if annotation is bool:
        return True
    if annotation is bytes:
        return "AAAAPwAAgL4="  # base64, as in JSON: 0.5 and -0.25 as float32
    if name == "digit":
        return "#"
    return f"{name.removesuffix('_id').replace('_', '-')}-1" if name in IDS else f"{name}: Grüße, 漢字 🎙"
