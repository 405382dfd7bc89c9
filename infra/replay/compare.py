"""Two facts compared, the recorded one and the replay's: what differs, apart from what is measured."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from contracts.events import Event
from contracts.value import measured_fields

_ABSENT = object()

_STAMPED = frozenset({"schema_version", "basis", "appended_by"})
"""Fields that say which copy of which build appended a fact, not what it says."""


@dataclass(frozen=True, slots=True)
class FieldDifference:
    """A field with two values; `path` as `evidence.required_ms` or `context.2.text`. None if a side lacks it."""

    path: str
    then: Any
    now: Any


def field_differences(then: Event, now: Event, is_exact: bool = False) -> tuple[FieldDifference, ...]:
    """Return the fields that differ, without those that are measured, in the order of the class.

    `is_exact`: measured fields are compared too, as the code decides with times that are on its tape. The id is left
    out unless nothing else differs: it is derived from what does.
    """
    if type(then) is not type(now):
        return (FieldDifference("event", type(then).__name__, type(now).__name__),)
    measured = _STAMPED if is_exact else measured_fields(type(then))
    found = tuple(_differing(_settled(then), _settled(now), "", "", measured))
    by_content = tuple(each for each in found if each.path != "event_id")
    return by_content or found


def _settled(event: Event) -> dict[str, Any]:
    """Return an event's fields without what is chance: whether a model had been asked when its answer was cut off."""
    fields = event.model_dump()
    if fields.get("finish") == "interrupted" and not fields.get("tokens"):
        fields.pop("tokens", None)
    return fields


def _differing(then: Any, now: Any, path: str, name: str, measured: frozenset[str]) -> Iterator[FieldDifference]:
    """Yield what differs below `path`; `name` is the same without the places in lists, as `measured` has it."""
    if name in measured:
        return
    if isinstance(then, dict) and isinstance(now, dict):
        for key in dict.fromkeys([*then, *now]):
            then_here, now_here = then.get(key, _ABSENT), now.get(key, _ABSENT)
            yield from _differing(then_here, now_here, _joined(path, key), _joined(name, key), measured)
    elif isinstance(then, list | tuple) and isinstance(now, list | tuple):
        for place in range(max(len(then), len(now))):
            then_here, now_here = (side[place] if place < len(side) else _ABSENT for side in (then, now))
            yield from _differing(then_here, now_here, _joined(path, str(place)), name, measured)
    elif then != now:
        yield FieldDifference(path, _shown(then), _shown(now))


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _shown(value: Any) -> Any:
    return None if value is _ABSENT else value
