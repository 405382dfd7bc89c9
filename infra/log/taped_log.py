"""The event log as an actor holds it: what it reads and what is stored for it is on its tape."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from faststream.nats import NatsBroker

from contracts import events as e
from contracts.events import Event
from infra.log.connection import connection
from infra.log.event_log import (
    Appended,
    ExpectedSequence,
    Fact,
    LogUnavailable,
    StaleWriter,
    append_once,
    facts_after,
    read_fact,
)
from infra.tape.handling import HANDLING
from infra.tape.tape import Plain, Tape, Tapes

APPENDED, STALE, UNSTORED, READ, UNREAD = "appended", "stale", "unstored", "read", "unread"
"""Kinds of deliveries: a fact of ours is stored (its sequence); it is not, as another owner has appended (its event
id); the log did not store it in time (its event id); facts were read (the last one's sequence, and which read it was:
see `which_read`); they could not be (the error, and the same).

Until version 2 of a chunk the payloads of READ and UNREAD are only the sequence and the error, in version 3 what is
read is not among them.
"""

GIVEN_UP = "given-up"
"""Kind of a delivery: a read was cancelled before it was answered (payload: which read). Before version 4 of a chunk it
is not noted."""

OVERTAKING = "overtaking"
"""Kind of a delivery: the next one, READ or UNREAD, is not about the handler's read that was begun first, but about one
begun later (payload: how many of its reads that were begun before are still waited for). It counts the reads of all
handlers until version 2 of a chunk, and of all subjects until version 3."""

ENDINGS = (
    e.TurnEnded,
    e.ReplyCompleted,
    e.PlaybackFinished,
    e.PlaybackInterrupted,
    e.TurnRecorded,
    e.SummaryWritten,
    e.SessionClosed,
)
"""Whoever appends one of these has done its part in a turn or a session: its tape is written soon after."""


def which_read(session_id: str, subjects: str) -> tuple[Plain, str]:
    """Return what tells reads of a session apart, live and in a replay: who reads, and what.

    Who: for which delivery the handler was called that reads (`infra.tape.handling`). What: the subjects without the
    session's id, empty for all.
    """
    return HANDLING.get(), subjects.replace(f".{session_id}.", ".", 1)


class EventLog(Protocol):
    """Appends a session's facts and reads them back: live from JetStream, in a replay from the record."""

    async def append(self, event: Event, expected: ExpectedSequence | None = None, patience_s: float = 60) -> Fact:
        """Store an event and return it as it is in the log, once it is on disk.

        Decide on the returned event: a replay returns the recorded one, with the times that were measured then.
        Raises StaleWriter, LogUnavailable.
        """

    async def in_turn(self, event: Event) -> None:
        """Await it before a lock within which the event is appended: in a replay it returns when those before it are.

        Live it returns at once. Who holds the lock first is an input, too: an append that waits for its place in the
        record must not keep out one that came before it.
        """

    async def facts_after(
        self, session_id: str, after: int = 0, patience_s: float = 60, subjects: str = ""
    ) -> list[Fact]:
        """Return a session's facts with sequence above `after`, in order, those on `subjects` only if it is given."""


class Store(Protocol):
    """Where facts are: in JetStream, or in memory."""

    async def append_once(self, event: Event, expected: ExpectedSequence | None, patience_s: float) -> Appended:
        """Store an event once, whoever appends it again. Raises StaleWriter, LogUnavailable."""

    async def fact(self, session_id: str, sequence: int) -> Fact | None:
        """Return a fact of a session by its place in the log; None if it cannot be read now."""

    async def facts_after(self, session_id: str, after: int, patience_s: float, subjects: str) -> list[Fact]:
        """See EventLog."""


class TapedLog:
    """A log on a store. What it returns is noted on the session's tape at that moment."""

    def __init__(self, store: Store, tapes: Tapes) -> None:
        self._store = store
        self._tapes = tapes
        self._reads: defaultdict[tuple[str, Plain, str], list[object]] = defaultdict(list)

    async def append(self, event: Event, expected: ExpectedSequence | None = None, patience_s: float = 60) -> Fact:
        """See EventLog."""
        tape = self._tapes.of(event.session_id)
        event = event.model_copy(update={"basis": tape.basis, "appended_by": self._tapes.instance})
        with tape.working():
            try:
                fact = await self._stored(event, expected, patience_s)
            except StaleWriter:
                tape.took(STALE, event.event_id)
                raise
            except LogUnavailable:
                tape.took(UNSTORED, event.event_id)
                raise
            tape.took_fact(APPENDED, fact.sequence)
        if isinstance(event, ENDINGS):
            tape.turn_is_over()
        return fact

    async def in_turn(self, event: Event) -> None:
        """See EventLog."""

    async def _stored(self, event: Event, expected: ExpectedSequence | None, patience_s: float) -> Fact:
        appended = await self._store.append_once(event, expected, patience_s)
        if appended.by_another:
            return await self._store.fact(event.session_id, appended.sequence) or Fact(appended.sequence, event)
        return Fact(appended.sequence, event)

    async def facts_after(
        self, session_id: str, after: int = 0, patience_s: float = 60, subjects: str = ""
    ) -> list[Fact]:
        """See EventLog. Raises what the store raises."""
        tape, which = self._tapes.of(session_id), which_read(session_id, subjects)
        with tape.working(), self._reading(session_id, which, tape) as note_place:
            try:
                facts = await self._store.facts_after(session_id, after, patience_s, subjects)
            except asyncio.CancelledError:
                tape.took(GIVEN_UP, [*which])
                raise
            except Exception as error:
                note_place()
                tape.took(UNREAD, [f"{type(error).__name__}: {error}", *which])
                raise
            note_place()
            tape.took_fact(READ, facts[-1].sequence if facts else after, of=which)
        return facts

    @contextmanager
    def _reading(self, session_id: str, which: tuple[Plain, str], tape: Tape) -> Iterator[Callable[[], None]]:
        """Count a read among those like it; yield what notes that it has overtaken others."""
        key = (session_id, *which)
        begun, this = self._reads[key], object()
        begun.append(this)

        def note_place() -> None:
            if place := begun.index(this):
                tape.took(OVERTAKING, place)

        try:
            yield note_place
        finally:
            begun.remove(this)
            if not begun:
                self._reads.pop(key, None)


class LiveLog(TapedLog):
    """The log in JetStream."""

    def __init__(self, broker: NatsBroker, tapes: Tapes) -> None:
        super().__init__(_JetStream(broker), tapes)


class _JetStream:
    def __init__(self, broker: NatsBroker) -> None:
        self._broker = broker

    async def append_once(self, event: Event, expected: ExpectedSequence | None, patience_s: float) -> Appended:
        return await append_once(self._broker, event, expected, patience_s)

    async def fact(self, session_id: str, sequence: int) -> Fact | None:
        return await read_fact(connection(self._broker), session_id, sequence)

    async def facts_after(self, session_id: str, after: int, patience_s: float, subjects: str) -> list[Fact]:
        return await facts_after(self._broker, session_id, after, patience_s, subjects)
