"""Reads a fact, for copies of the log that must not lose fields that a newer program has added."""

from contracts import events as e
from contracts.codec import NewerVersion, decode


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
        return decode(subject, data)
    except NewerVersion as error:
        raise FromTheFuture(
            f"fact {sequence} ({error.event_class.__name__} on {subject}) has schema version {error.version}, "
            f"this program knows {error.event_class.SCHEMA_VERSION}"
        ) from error
