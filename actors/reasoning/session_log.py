"""One session as a copy of this actor holds it: its state, and the only way to append facts about replies."""

import asyncio
import contextlib
from collections import OrderedDict

from faststream.nats import NatsBroker
from nats.errors import Error as NatsError

from actors.reasoning.session_state import Session, apply
from contracts.events import Event
from contracts.topology import (
    session_subjects,
)
from infra.log.connection import connection
from infra.log.event_log import ExpectedSequence, append, facts_after


class SessionLog:
    """The session's state, and appending to its log.

    Several copies append about the replies of one session: the draft's writer, and the one that gets the turn's end.
    Each expects the last fact on the session's `reply` subjects to be the one it knows; if not, it reads on and
    decides again.
    """

    def __init__(self, broker: NatsBroker, session_id: str) -> None:
        self.session = Session(session_id)
        self._broker = broker
        self._speaking = asyncio.Lock()
        self._reconnects = self.reconnects

    @property
    def reconnects(self) -> int:
        """How often the connection was lost: plain subscriptions may have missed something each time."""
        return int(connection(self._broker).stats["reconnects"])

    async def refresh(self) -> None:
        """Read the facts since the last time; wait while NATS is away. Raises nats.errors.Error, TimeoutError."""
        self._reconnects = self.reconnects
        for fact in await facts_after(self._broker, self.session.session_id, self.session.sequence):
            apply(self.session, fact.event, fact.sequence)
            self.session.sequence = max(self.session.sequence, fact.sequence)

    async def refresh_after_outage(self) -> None:
        """Read on if the connection was lost since the last time."""
        if self._reconnects != self.reconnects:
            await self.refresh()

    async def append_about_reply(self, event: Event) -> None:
        """Append an event about a reply. Raises StaleWriter if the log has one that this copy does not know."""
        async with self._speaking:  # two tasks of this copy must not count as different writers
            expected = ExpectedSequence(session_subjects(event.session_id, "reply"), self.session.reply_sequence)
            apply(self.session, event, await append(self._broker, event, expected))

    async def whisper(self, subject: str, data: bytes) -> None:
        """Publish a message that is not stored and may get lost: at once, or not at all while NATS is away."""
        nc = connection(self._broker)
        if nc.is_connected:
            with contextlib.suppress(NatsError, OSError):
                await nc.publish(subject, data)

    async def append(self, event: Event) -> None:
        """Append any other fact."""
        apply(self.session, event, await append(self._broker, event))


class SessionLogs:
    """The open sessions used last; one that is dropped is read again when it is needed."""

    def __init__(self, broker: NatsBroker, most: int = 1000) -> None:
        self._broker = broker
        self._most = most
        self._logs: OrderedDict[str, SessionLog] = OrderedDict()

    def __len__(self) -> int:
        """Return how many are held."""
        return len(self._logs)

    def forget(self, session_id: str) -> None:
        """Drop a session that is over."""
        self._logs.pop(session_id, None)

    def of(self, session_id: str) -> SessionLog:
        """Return the session's log, empty if this copy does not hold it yet."""
        log = self._logs.get(session_id)
        if log is None:
            log = self._logs[session_id] = SessionLog(self._broker, session_id)
        self._logs.move_to_end(session_id)
        if len(self._logs) > self._most:
            self._logs.popitem(last=False)
        return log
