"""The event log as an actor holds it: what it reads and what is stored for it is on its tape."""

from typing import Protocol

from faststream.nats import NatsBroker

from contracts.events import Event
from infra.log.event_log import ExpectedSequence, Fact, LogUnavailable, StaleWriter, append, facts_after
from infra.tape.tape import Tapes

APPENDED, STALE, UNSTORED, READ = "appended", "stale", "unstored", "read"
"""Kinds of deliveries: a fact of ours is stored (its sequence); it is not, as another owner has appended (its event
id); the log did not store it in time (its event id); facts were read (the last one's sequence)."""


class EventLog(Protocol):
    """Appends a session's facts and reads them back: live from JetStream, in a replay from the record."""

    async def append(self, event: Event, expected: ExpectedSequence | None = None, patience_s: float = 60) -> Fact:
        """Store an event and return it as it is in the log, once it is on disk.

        Decide on the returned event: a replay returns the recorded one, with the times that were measured then.
        Raises StaleWriter, LogUnavailable.
        """

    async def facts_after(
        self, session_id: str, after: int = 0, patience_s: float = 60, subjects: str = ""
    ) -> list[Fact]:
        """Return a session's facts with sequence above `after`, in order, those on `subjects` only if it is given."""


class LiveLog:
    """The log in JetStream. What it returns is noted on the session's tape at that moment."""

    def __init__(self, broker: NatsBroker, tapes: Tapes) -> None:
        self._broker = broker
        self._tapes = tapes

    async def append(self, event: Event, expected: ExpectedSequence | None = None, patience_s: float = 60) -> Fact:
        """See EventLog."""
        tape = self._tapes.of(event.session_id)
        try:
            sequence = await append(self._broker, event, expected, patience_s)
        except StaleWriter:
            tape.took(STALE, event.event_id)
            raise
        except LogUnavailable:
            tape.took(UNSTORED, event.event_id)
            raise
        tape.took_fact(APPENDED, sequence)
        return Fact(sequence, event)

    async def facts_after(
        self, session_id: str, after: int = 0, patience_s: float = 60, subjects: str = ""
    ) -> list[Fact]:
        """See EventLog. Raises what `infra.log.event_log.facts_after` raises."""
        facts = await facts_after(self._broker, session_id, after, patience_s, subjects)
        self._tapes.of(session_id).took_fact(READ, facts[-1].sequence if facts else after)
        return facts
