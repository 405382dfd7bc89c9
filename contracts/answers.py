"""Creates the event that answers another: its common fields are derived from the cause.

All events are created here. So the rule by which a handler that runs twice creates the same event, and the log
stores it once, is in one place.
"""

from dataclasses import dataclass
from typing import Any, TypeVar

from contracts.events import Event
from contracts.ids import derive_id

Answer = TypeVar("Answer", bound=Event)


@dataclass(frozen=True, slots=True)
class Cause:
    """What an event answers if the causing event is not available, or there is none (a client, a clock)."""

    session_id: str
    event_id: str | None = None
    turn_id: str | None = None


def answer(
    cause: Event | Cause,
    event_class: type[Answer],
    /,
    *,
    time_ns: int,
    id_from: str | None = None,
    id_name: str | None = None,
    id_n: int = 0,
    **fields: Any,
) -> Answer:
    """Return the event of a class that `cause` leads to, at `time_ns` (Unix epoch ns).

    The cause gives `session_id`, `cause_id` and `turn_id`; `fields` are those of the class, and may replace `turn_id`
    and `cause_id`. The event's id is `derive_id(id_from, id_name, id_n)`; left out, these are the cause's id, the name
    of the class and 0. If several causes may lead to an event that must be stored once, pass what it stands for
    as `id_from` (a reply, a track); several of one class need different `id_name` or `id_n`.

    Raises TypeError for a field that the class does not have, ValueError if there is nothing to derive an id from,
    pydantic.ValidationError for a value that does not fit.
    """
    unknown = fields.keys() - event_class.model_fields.keys()
    if unknown:
        raise TypeError(f"{event_class.__name__} has no field {', '.join(sorted(unknown))}: see contracts/events.py")
    id_from = id_from or cause.event_id
    if not id_from:
        raise ValueError(f"{event_class.__name__} has neither a cause nor `id_from` to derive its id from")
    common = {
        "event_id": derive_id(id_from, id_name or event_class.__name__, id_n),
        "session_id": cause.session_id,
        "time_ns": time_ns,
        "cause_id": cause.event_id,
        "turn_id": cause.turn_id,
    }
    return event_class(**(common | fields))
