"""One session as a copy of this actor holds it: its state, and the only way to append facts about replies."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import TypeVar

from actors.reasoning.session_state import Session, apply
from actors.reasoning.wire import Wire
from contracts.events import Event
from contracts.topology import session_subjects
from infra.log.event_log import ExpectedSequence, Fact
from infra.log.taped_log import EventLog
from infra.tape.tape import Tape, Tapes

EventT = TypeVar("EventT", bound=Event)

DROPPED = "dropped"
"""Kind of a delivery: the session had not been used for longest, and what was held of it is dropped."""
RECONNECTED = "reconnected"
"""Kind of a delivery: the connection to NATS is back after an outage, in which facts may have been missed."""


class SessionLog:
    """The session's state, and appending to its log.

    Several copies append about the replies of one session: the draft's writer, and the one that gets the turn's end.
    Each expects the last fact on the session's `reply` subjects to be the one it knows; if not, it reads on and
    decides again.
    """

    def __init__(self, log: EventLog, tape: Tape, wire: Wire, session_id: str, instance: str = "") -> None:
        self.session = Session(session_id)
        self.tape = tape
        self.wire = wire
        self._log = log
        self._instance = instance
        self._speaking = asyncio.Lock()
        self._calling = asyncio.Lock()
        self._is_behind = False
        self._news: asyncio.Future[None] | None = None

    def take_live(self, event: Event) -> None:
        """Take in a fact that was stored a moment ago; reading it back later changes nothing."""
        apply(self.session, event, 0)
        self._tell_news()

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Wait until something is so, which facts that are taken in may change."""
        while not is_so():
            if self._news is None:
                self._news = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._news)

    def _tell_news(self) -> None:
        news, self._news = self._news, None
        if news is not None:
            news.set_result(None)

    def hold(self, facts: Iterable[Fact]) -> None:
        """Take in facts that are known already."""
        for fact in facts:
            apply(self.session, fact.event, fact.sequence)
            self.session.sequence = max(self.session.sequence, fact.sequence)
        self._tell_news()

    async def refresh(self) -> None:
        """Read the facts since the last time; wait while NATS is away. Raises nats.errors.Error, TimeoutError.

        It reads to the end of the log, not to the event that is being handled.
        """
        self._is_behind = False
        self.hold(await self._log.facts_after(self.session.session_id, self.session.sequence))

    def fall_behind(self) -> None:
        """Note that facts may have been missed."""
        self._is_behind = True

    async def refresh_after_outage(self) -> None:
        """Read on if the connection was lost since the last time."""
        if self._is_behind:
            await self.refresh()

    async def append_about_reply(self, event: Event) -> None:
        """Append an event about a reply. Raises StaleWriter if the log has one that this copy does not know."""
        await self._log.in_turn(event)
        async with self._speaking:  # two tasks of this copy must not count as different writers
            expected = ExpectedSequence(session_subjects(event.session_id, "reply"), self.session.reply_sequence)
            fact = await self._log.append(event, expected)
            apply(self.session, fact.event, fact.sequence)

    async def append_about_tool(self, event: Event) -> bool:
        """Append an event about a tool; return whether it is ours: another copy may have appended the same one.

        Raises StaleWriter if the log has one that this copy does not know.
        """
        await self._log.in_turn(event)
        async with self._calling:
            expected = ExpectedSequence(session_subjects(event.session_id, "tool"), self.session.tool_sequence)
            fact = await self._log.append(event, expected)
            apply(self.session, fact.event, fact.sequence)
        return fact.event.appended_by == self._instance

    async def append(self, event: EventT) -> EventT:
        """Append any other fact; return it as it is in the log: another copy may have appended it before."""
        fact = await self._log.append(event)
        apply(self.session, fact.event, fact.sequence)
        assert isinstance(fact.event, type(event))
        return fact.event


class SessionLogs:
    """The open sessions used last; one that is dropped is read again when it is needed."""

    def __init__(self, log: EventLog, tapes: Tapes, wire: Wire, most: int = 1000) -> None:
        self._log = log
        self._tapes = tapes
        self._wire = wire
        self._most = most
        self._logs: OrderedDict[str, SessionLog] = OrderedDict()

    def __len__(self) -> int:
        """Return how many are held."""
        return len(self._logs)

    def fall_behind(self) -> None:
        """Note in each session that the connection was lost and is back."""
        for log in self._logs.values():
            log.tape.took(RECONNECTED)
            log.fall_behind()

    def forget(self, session_id: str) -> None:
        """Drop a session that is over."""
        self._logs.pop(session_id, None)

    def held(self, session_id: str) -> SessionLog | None:
        """Return the session's log if this copy holds it."""
        return self._logs.get(session_id)

    def of(self, session_id: str) -> SessionLog:
        """Return the session's log, empty if this copy does not hold it yet."""
        log = self._logs.get(session_id)
        if log is None:
            tape = self._tapes.of(session_id)
            log = self._logs[session_id] = SessionLog(self._log, tape, self._wire, session_id, self._tapes.instance)
        self._logs.move_to_end(session_id)
        if len(self._logs) > self._most:
            _, dropped = self._logs.popitem(last=False)
            dropped.tape.took(DROPPED)
        return log
