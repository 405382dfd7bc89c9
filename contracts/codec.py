"""Events as MessagePack, and back: `encode` and `decode` are inverse for every event class.

The subject determines the class, so the bytes hold only the fields (as a map, without those that are None). Unknown
fields are tolerated. An event written by an older schema version goes through its class's upcasters first.
"""

from collections.abc import Callable
from typing import Any

import msgpack
from pydantic import ValidationError

from contracts.events import Event
from contracts.topology import UnknownSubject, event_class_of

CONTENT_TYPE = "application/msgpack"
MAX_EVENT_BYTES = 1_000_000
"""NATS refuses larger payloads by default (1 MiB with headers)."""

Fields = dict[str, Any]
UPCASTERS: dict[tuple[str, int], Callable[[Fields], Fields]] = {}
"""(class name, version it was written in) to the function that makes its fields one version newer."""


class Undecodable(ValueError):
    """The bytes are no event of the class that their subject names."""


class NewerVersion(Undecodable):
    """A newer program wrote the event: it may say something that this one would leave out of what it decides."""

    def __init__(self, event_class: type[Event], version: int) -> None:
        self.what = f"{event_class.__name__}: schema version {version}, this program knows {event_class.SCHEMA_VERSION}"
        super().__init__(f"{self.what}: install the newer program")
        self.event_class, self.version = event_class, version


def encode(event: Event) -> bytes:
    """Return the event's bytes. Raises ValueError if text holds lone surrogates or the event is too large."""
    data = bytes(msgpack.packb(event.model_dump(exclude_none=True)))
    if len(data) > MAX_EVENT_BYTES:
        raise ValueError(f"{type(event).__name__} of {len(data)} bytes is over the limit of {MAX_EVENT_BYTES}")
    return data


def decode(subject: str, data: bytes, allow_newer: bool = False) -> Event:
    """Return the event that `data` on `subject` holds. Raises Undecodable with the reason.

    An event of a newer version than its class here raises NewerVersion. With `allow_newer` its known fields are
    returned: for whoever lists or removes facts, and decides nothing else on them.
    """
    try:
        event_class = event_class_of(subject)
    except UnknownSubject as error:
        raise Undecodable(str(error)) from error
    try:
        fields = msgpack.unpackb(data, max_str_len=MAX_EVENT_BYTES, max_array_len=100_000, max_map_len=10_000)
    except Exception as error:  # msgpack raises many kinds, none of them documented as a family
        raise Undecodable(f"{event_class.__name__}: not MessagePack ({error!r})") from error
    if not isinstance(fields, dict):
        raise Undecodable(f"{event_class.__name__}: a map was expected, not {type(fields).__name__}")
    version = fields.setdefault("schema_version", 1)
    if isinstance(version, int) and version > event_class.SCHEMA_VERSION and not allow_newer:
        raise NewerVersion(event_class, version)
    try:
        event = event_class.model_validate(_upcast(event_class, fields))
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in problem["loc"])
        raise Undecodable(f"{event_class.__name__}: {where}: {problem['msg']}") from error
    if event.session_id != subject.split(".")[1]:
        raise Undecodable(f"{event_class.__name__}: session {event.session_id!r} came on {subject!r}")
    return event


def _upcast(event_class: type[Event], fields: Fields) -> Fields:
    version = fields["schema_version"]
    while isinstance(version, int) and (upcaster := UPCASTERS.get((event_class.__name__, version))):
        try:
            fields, version = upcaster(fields), version + 1
        except Exception as error:  # whatever a function makes of fields that are not what it expects
            raise Undecodable(f"{event_class.__name__}: version {version} cannot be read: {error!r}") from error
    return fields
