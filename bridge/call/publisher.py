"""The facts of one session's door: appended in order by one task, without blocking anything else."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from bridge.call.taped import BROKEN
from contracts.events import Event, SessionClosed, TrackPublished, TrackUnpublished
from contracts.topology import (
    session_subjects,
)
from infra.log.event_log import ExpectedSequence, Fact, LogUnavailable, StaleWriter
from infra.log.taped_log import STALE, UNSTORED, EventLog
from infra.tape.tape import Tape

log = logging.getLogger(__name__)

MAX_WAITING = 1000
PATIENCE_S = 40.0
"""An outage of the log that a call survives."""


Gate = Callable[[], Awaitable[None]]
"""Awaited before each fact; raises StaleWriter when another process owns the session."""


class EventPublisher:
    """Appends facts one after another. `failed` is called once, when the log does not store one.

    SessionClosed expects the last track fact that we know: a door that was frozen while another took the session
    over must not close it.
    """

    def __init__(
        self, event_log: EventLog, tape: Tape, failed: Callable[[str], None], gate: Gate | None = None
    ) -> None:
        self._log = event_log
        self._tape = tape
        self._failed = failed
        self._gate = gate
        self._waiting: asyncio.Queue[Event] = asyncio.Queue(MAX_WAITING)
        self._next: Event | None = None
        """The fact that is being stored."""
        self._broken = False
        self.track_sequence = 0
        """Sequence of the last track fact that this door knows of."""

    def put(self, event: Event) -> None:
        """Append a fact after those waiting."""
        if self._broken:
            return
        try:
            self._waiting.put_nowait(event)
        except asyncio.QueueFull:
            self.break_off(f"{MAX_WAITING} facts are waiting to be stored")

    async def run(self) -> None:
        """Append what is put, until cancelled; when restarted it continues with the fact that was being stored."""
        while True:
            self._next = self._next or await self._waiting.get()
            try:
                if not self._broken:
                    await self.append(self._next, PATIENCE_S)
            except StaleWriter as error:
                log.warning("%s", error)
            except (LogUnavailable, ValueError) as error:
                self.break_off(str(error))
            self._next = None
            self._waiting.task_done()

    async def append(self, event: Event, patience_s: float) -> Fact:
        """Append a fact now, and return it as it is stored. Raises LogUnavailable, StaleWriter."""
        await self._pass_gate(event, patience_s)
        expected = None
        if isinstance(event, SessionClosed):
            expected = ExpectedSequence(session_subjects(event.session_id, "track"), self.track_sequence)
        fact = await self._log.append(event, expected, patience_s)
        if isinstance(event, TrackPublished | TrackUnpublished):
            self.track_sequence = fact.sequence
        return fact

    async def _pass_gate(self, event: Event, patience_s: float) -> None:
        if self._gate is None:
            return
        try:
            async with asyncio.timeout(patience_s):
                await self._gate()
        except StaleWriter:
            self._tape.took(STALE, event.event_id)
            raise
        except TimeoutError as error:
            self._tape.took(UNSTORED, event.event_id)
            what = f"{type(event).__name__} of {event.session_id}"
            raise LogUnavailable(f"{what} was not stored: the session's owner could not be checked") from error

    async def drained(self) -> None:
        """Wait until everything that was put is stored or abandoned."""
        await self._waiting.join()

    def break_off(self, reason: str) -> None:
        """Append nothing any more, and call `failed`, unless that was done."""
        if not self._broken:
            self._broken = True
            self._tape.took(BROKEN, reason)
            self._failed(reason)
