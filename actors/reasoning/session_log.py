"""One session as a copy of this actor holds it: its state, and the only way to append facts about replies."""

import asyncio
from collections import OrderedDict

from actors.reasoning.session_state import Session, apply
from actors.reasoning.token_counts import TokenCounts
from actors.reasoning.wire import Wire
from contracts.events import Event
from contracts.topology import session_subjects
from infra.engines.tokens import TokenCounter
from infra.log.event_log import ExpectedSequence
from infra.log.taped_log import EventLog
from infra.tape.tape import Tape, Tapes

DROPPED = "dropped"
"""Kind of a delivery: the session had not been used for longest, and what was held of it is dropped."""


class SessionLog:
    """The session's state, and appending to its log.

    Several copies append about the replies of one session: the draft's writer, and the one that gets the turn's end.
    Each expects the last fact on the session's `reply` subjects to be the one it knows; if not, it reads on and
    decides again.
    """

    def __init__(self, log: EventLog, tape: Tape, wire: Wire, tokens: TokenCounter, session_id: str) -> None:
        self.session = Session(session_id)
        self.tape = tape
        self.wire = wire
        self.tokens = TokenCounts(tape, tokens)
        self._log = log
        self._speaking = asyncio.Lock()
        self._reconnects = wire.reconnects

    async def refresh(self) -> None:
        """Read the facts since the last time; wait while NATS is away. Raises nats.errors.Error, TimeoutError.

        It reads to the end of the log, not to the event that is being handled.
        """
        self._reconnects = self.wire.reconnects
        for fact in await self._log.facts_after(self.session.session_id, self.session.sequence):
            apply(self.session, fact.event, fact.sequence)
            self.session.sequence = max(self.session.sequence, fact.sequence)

    async def refresh_after_outage(self, reply_id: str) -> None:
        """Read on, for a reply that is being written, if the connection was lost since the last time."""

        async def is_behind() -> bool:
            return self._reconnects != self.wire.reconnects

        if await self.tape.result("outage", reply_id, None, is_behind):
            await self.refresh()

    async def append_about_reply(self, event: Event) -> None:
        """Append an event about a reply. Raises StaleWriter if the log has one that this copy does not know."""
        async with self._speaking:  # two tasks of this copy must not count as different writers
            expected = ExpectedSequence(session_subjects(event.session_id, "reply"), self.session.reply_sequence)
            fact = await self._log.append(event, expected)
            apply(self.session, fact.event, fact.sequence)

    async def append(self, event: Event) -> None:
        """Append any other fact."""
        fact = await self._log.append(event)
        apply(self.session, fact.event, fact.sequence)


class SessionLogs:
    """The open sessions used last; one that is dropped is read again when it is needed."""

    def __init__(self, log: EventLog, tapes: Tapes, wire: Wire, tokens: TokenCounter, most: int = 1000) -> None:
        self._log = log
        self._tapes = tapes
        self._wire = wire
        self._tokens = tokens
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
            tape = self._tapes.of(session_id)
            log = self._logs[session_id] = SessionLog(self._log, tape, self._wire, self._tokens, session_id)
        self._logs.move_to_end(session_id)
        if len(self._logs) > self._most:
            _, dropped = self._logs.popitem(last=False)
            dropped.tape.took(DROPPED)
        return log
