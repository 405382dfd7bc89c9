"""Reads a fact, for copies of the log that must not lose fields that a newer program has added."""

import msgpack

from contracts import events as e
from contracts.codec import Undecodable, decode
from contracts.topology import UnknownSubject, event_class_of


class FromTheFuture(ValueError):
    """A newer program wrote the fact, with a schema that this one does not know; the message says what to do.

    `what` says it without that.
    """

    def __init__(self, what: str) -> None:
        super().__init__(f"{what}: install the newer program, then start the projection again; it goes on")
        self.what = what


def known_event(sequence: int, subject: str, data: bytes) -> e.Event:
    """Return the event in a message of the log. Raises FromTheFuture; Undecodable if it is not a known event."""
    try:
        event = decode(subject, data)
    except Undecodable as error:
        # A later version may not fit our class at all.
        later = _later_version(subject, data)
        if later is not None:
            raise _from_the_future(sequence, subject, *later) from error
        raise
    if event.schema_version > event.SCHEMA_VERSION:
        raise _from_the_future(sequence, subject, type(event), event.schema_version)
    return event


def _from_the_future(sequence: int, subject: str, event_class: type[e.Event], version: int) -> FromTheFuture:
    return FromTheFuture(
        f"fact {sequence} ({event_class.__name__} on {subject}) has schema version {version}, this program "
        f"knows {event_class.SCHEMA_VERSION}"
    )


def _later_version(subject: str, data: bytes) -> tuple[type[e.Event], int] | None:
    """Return the class and schema version of undecodable bytes, if the version is later than ours."""
    try:
        event_class = event_class_of(subject)
        fields = msgpack.unpackb(data)
    except UnknownSubject:
        return None
    except Exception:  # msgpack raises many kinds
        return None
    version = fields.get("schema_version") if isinstance(fields, dict) else None
    is_later = isinstance(version, int) and version > event_class.SCHEMA_VERSION
    return (event_class, version) if isinstance(version, int) and is_later else None
