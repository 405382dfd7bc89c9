"""The text conversations of one bridge process: opened, resumed, answered turn by turn, ended when idle."""

import asyncio
import logging
import time
from collections import OrderedDict
from contextlib import ExitStack
from dataclasses import dataclass, field

from faststream.nats import NatsBroker

from bridge.call.admission import RETRY_AFTER_S, SessionAdmission
from bridge.call.agents import chosen_profile
from bridge.call.needed_parts import TEXT_ACTORS, NeededParts
from bridge.call.refused import RefusedSessions
from bridge.call.session_events import PERSON, closing_events
from bridge.call.turn_spans import TurnSpans
from bridge.http.chat.exchange import ChatExchange
from bridge.http.chat.inbound import CHAT_PAST, SETTLED, TURN, LiveInbound
from bridge.http.chat.session_events import HTTP, opening_facts, turn_ended
from bridge.http.chat.session_state import SessionState
from bridge.http.chat.turn_checks import check_open, check_visitor, checked
from bridge.http.chat.unread import settle_unread
from bridge.http.models import ChatRequest
from bridge.http.problems import AWAY, Code, Problem, log_away
from bridge.text_input import ProtocolError
from bridge.web.gate import Visitor
from bridge.web.openings import Openings, TooManyOpenings
from bridge.web.resume_tokens import digest, new_token
from contracts.ids import new_session_id
from contracts.profile import AgentProfile
from contracts.topology import (
    session_subjects,
)
from infra.agents.choosing import AgentWanted
from infra.engines.llm import model_names
from infra.log.clock import CLOCK
from infra.log.connection import answers, connection
from infra.log.event_log import ExpectedSequence, NewerFact, StaleWriter, facts_after, now_ns
from infra.log.taped_log import LiveLog
from infra.log.tapes import tapes_of
from infra.metrics.table import OPEN
from infra.process.tasks import ended
from infra.session.behaviour import in_session
from infra.session.index import newest_sessions
from infra.settings import Settings
from infra.tape.tape import Tape, Tapes
from infra.telemetry.traces import about, asked_in

log = logging.getLogger(__name__)

READ_PATIENCE_S = 3.0
BUSY_PATIENCE_S = 2.0
"""How long a turn waits for the end of the previous one."""
CLOSE_TIMEOUT_S = 4.0
END_PATIENCE_S, END_TRIES = 5.0, 5
WATCH_S = 1.0
MAX_KEPT = 20_000
"""Most open conversations that are watched for idleness; beyond it the one idle for longest is ended early."""
ADOPTED = 5_000
"""How many of the newest sessions are searched at start for conversations that no process watches."""
SPARE_S = 10.0
MISSING_RETRY_S = 5


@dataclass(slots=True)
class _Conversation:
    state: SessionState
    resume_token: str = ""
    """Its secret, until its client has received it."""
    exchange: ChatExchange | None = None
    active_s: float = field(default_factory=time.monotonic)
    """When something was last said in it (`time.monotonic`: the clocks of the facts' machines may step)."""
    _noted_ns: int = 0

    def note_activity(self, now_s: float) -> None:
        """Note that something was said, if there is a newer fact of it than at the last check."""
        if self.state.active_ns != self._noted_ns:
            self._noted_ns, self.active_s = self.state.active_ns, now_s

    @property
    def is_busy(self) -> bool:
        """Whether a turn is being answered here."""
        return self.exchange is not None and not self.exchange.over.is_set()


class Conversations:
    """All text conversations of this process; `begin` is the only way to say something in them."""

    def __init__(
        self,
        broker: NatsBroker,
        settings: Settings,
        openings: Openings,
        tapes: Tapes | None = None,
        admission: SessionAdmission | None = None,
    ) -> None:
        self._broker = broker
        self._admission = admission
        self._parts = NeededParts(broker, settings, TEXT_ACTORS)
        self._tapes = tapes or tapes_of(broker)
        self._log = LiveLog(broker, self._tapes)
        self._settings = settings
        self._openings = openings
        self._kept: OrderedDict[str, _Conversation] = OrderedDict()
        self._running: set[asyncio.Task[None]] = set()
        self._beginning = 0
        self._watching: asyncio.Task[None] | None = None
        self._draining = self._closing = False
        self._one_less = asyncio.Event()
        """Set when a turn is answered, or refused."""
        self._refused = RefusedSessions(broker, settings.reconnect_grace_s)
        self._back_s = 0.0
        """When the log came back after an outage: nobody could say anything before."""

        self._measured = ExitStack()

    async def open(self) -> None:
        """Start to watch for idle conversations, also those left by an earlier process."""
        self._watching = asyncio.create_task(self._watch(), name="watching conversations by text")
        self._measured.enter_context(OPEN.observed_by(lambda: [(len(self._kept), (HTTP,))]))

    async def drained(self) -> None:
        """Begin no conversation from now on, and return once nothing is being answered.

        A turn of a conversation that is open already is answered as before: any door may, this one too.
        """
        self._draining = True
        while self._beginning or self._running:
            self._one_less.clear()
            await self._one_less.wait()

    async def close(self) -> None:
        """End running answers; the conversations stay open and can be resumed at another process."""
        self._closing = True
        self._measured.close()
        if self._watching is not None:
            await ended(self._watching)
        for conversation in self._kept.values():
            if conversation.exchange is not None:
                conversation.exchange.abandon("shutdown")
        if self._running:
            await asyncio.wait(self._running, timeout=CLOSE_TIMEOUT_S)
        await ended(*self._running)

    # -- a turn

    async def begin(self, turn: ChatRequest, visitor: Visitor) -> ChatExchange:
        """Append a turn in a new conversation, or in the given one; return once it is stored. Raises Problem."""
        text = checked(turn.text, self._settings.max_text_bytes)
        if self._closing or (self._draining and turn.session_id is None):
            raise Problem("shutdown", "the server restarts; try again shortly", retry_after_s=3)
        if not connection(self._broker).is_connected:
            raise log_away()
        if self._beginning + len(self._running) >= self._settings.max_sessions:
            raise Problem(
                "busy",
                f"the server is answering {self._settings.max_sessions} turns, its limit; try again later",
                retry_after_s=2,
            )
        self._beginning += 1
        try:
            exchange = self._start(await self._conversation(turn, visitor), text)
        except AWAY as error:
            log.warning("a conversation could not begin: %r", error)
            raise log_away() from error
        except NewerFact as error:
            raise Problem("not-available", str(error)) from error
        finally:
            self._beginning -= 1
            self._one_less.set()
        try:
            await exchange.accepted()
        except Problem:
            if turn.session_id is None:  # its client has not learned of the session
                session_id = exchange.turn.session_id
                self._kept.pop(session_id, None)
                self._refused.add(session_id, is_new=True)
            raise
        return exchange

    async def _conversation(self, turn: ChatRequest, visitor: Visitor) -> _Conversation:
        if turn.session_id is not None:
            return await self._gone_on_with(turn.session_id, turn, visitor)
        await self._check_capacity()
        self._count_opening(visitor)
        session_id, user_id, zone = new_session_id(), visitor.user(turn.user_id or ""), turn.time_zone or ""
        return await self._opened(session_id, user_id, zone, await self._profile(session_id, turn, user_id, zone))

    async def _profile(self, session_id: str, turn: ChatRequest, user_id: str, time_zone: str) -> AgentProfile:
        """Return how the agent behaves that a new conversation is to have. Raises Problem, and nats errors."""
        wanted = AgentWanted(turn.agent, turn.variables)
        try:
            return await chosen_profile(
                self._broker, self._settings, session_id, wanted, user_id, time_zone, speaks=False
            )
        except ProtocolError as error:
            code: Code = "unknown-agent" if error.code == "unknown-agent" else "missing-variable"
            raise Problem(code, str(error)) from error

    async def _check_capacity(self) -> None:
        """Refuse a new conversation that would be answered late, or by nobody. Raises Problem."""
        if self._admission is not None and self._admission.problem:
            raise Problem("busy", self._admission.refusal, retry_after_s=RETRY_AFTER_S)
        if missing := await self._parts.arrival(self._settings.opening_patience_s):
            raise Problem("not-available", f"no conversation is possible now: {missing}", retry_after_s=MISSING_RETRY_S)

    def _count_opening(self, visitor: Visitor) -> None:
        if visitor.is_operator:
            return
        try:
            self._openings.take(visitor.address)
        except TooManyOpenings as error:
            raise Problem("too-many-sessions", str(error), error.retry_after_s) from error

    async def _opened(self, session_id: str, user_id: str, time_zone: str, profile: AgentProfile) -> _Conversation:
        resume_token = new_token()
        conversation = _Conversation(SessionState(session_id), resume_token=resume_token)
        proof = digest(resume_token)
        opening = opening_facts(session_id, user_id, self._settings, now_ns(), proof, time_zone, profile)
        try:
            for event in opening:
                conversation.state.apply(await self._log.append(event, patience_s=READ_PATIENCE_S))
        except BaseException:
            self._refused.add(session_id, is_new=True)
            raise
        self._keep(conversation)
        return conversation

    async def _gone_on_with(self, session_id: str, turn: ChatRequest, visitor: Visitor) -> _Conversation:
        conversation = self._kept.get(session_id)
        if conversation is None:
            conversation = _Conversation(SessionState(session_id))
        await self._refresh(conversation.state)
        check_visitor(conversation.state, turn, visitor)
        await _idle(conversation)
        await self._refresh(conversation.state)
        check_open(conversation.state)
        if not conversation.is_busy:
            await self._settle_unread(conversation.state)
        # Another request may have been quicker; from here on nothing is awaited until the turn begins.
        conversation = self._kept.get(session_id, conversation)
        if conversation.is_busy:
            raise Problem(
                "turn-in-progress",
                "the previous turn is still being answered; try again after its answer",
                retry_after_s=2,
            )
        self._keep(conversation)
        return conversation

    async def _settle_unread(self, state: SessionState) -> None:
        if state.unread:
            at_ns = now_ns() // 1000 * 1000
            self._tapes.of(state.session_id).took_fact(SETTLED, state.sequence, at_ns)
            await settle_unread(self._log, state, at_ns)

    async def _refresh(self, state: SessionState) -> None:
        facts = await facts_after(self._broker, state.session_id, state.sequence, READ_PATIENCE_S)
        for fact in facts:
            state.apply(fact)

    def _start(self, conversation: _Conversation, text: str) -> ChatExchange:
        state = conversation.state
        turn = turn_ended(state.session_id, text, now_ns() // 1000 * 1000)
        tape = self._tapes.of(state.session_id)
        tape.took_fact(CHAT_PAST, state.sequence, turn.time_ns)
        tape.took(TURN, turn.event_id, turn.time_ns)
        inbound = LiveInbound(self._broker, tape, state.session_id, turn.time_ns, now_ns)
        spans = TurnSpans(state.session_id, self._settings.trace_slow_ms, asked_in())
        exchange = ChatExchange(self._log, inbound, state, turn, self._timeout_s, conversation.resume_token, spans)
        conversation.resume_token = ""
        conversation.exchange = exchange
        state.active_ns = turn.time_ns
        with about(state.session_id, turn.turn_id):
            task = asyncio.create_task(_run(exchange, tape), name=f"turn of {state.session_id}")
        self._running.add(task)
        task.add_done_callback(self._answered)
        return exchange

    def _answered(self, task: "asyncio.Task[None]") -> None:
        self._running.discard(task)
        self._one_less.set()

    @property
    def _timeout_s(self) -> float:
        """After this no model of the chain is still answering: each may be silent this long; then one apologises."""
        return self._settings.llm_timeout_s * len(model_names(self._settings.llm)) + SPARE_S

    def _keep(self, conversation: _Conversation) -> None:
        self._kept[conversation.state.session_id] = conversation
        self._kept.move_to_end(conversation.state.session_id)

    # -- the end

    async def end(self, session_id: str) -> None:
        """End a conversation, whether it is being answered or not. Raises Problem, and what the log raises."""
        conversation = self._kept.get(session_id) or _Conversation(SessionState(session_id))
        if conversation.exchange is not None:
            conversation.exchange.abandon("hangup")
            await _idle(conversation, END_PATIENCE_S)
        for _ in range(END_TRIES):
            await self._refresh(conversation.state)
            if conversation.state.closed or conversation.state.erased:
                break
            try:
                await self._settle_unread(conversation.state)
                await self._append_end(conversation.state, "hangup")
            except StaleWriter:
                continue  # somebody wrote just now
        else:
            raise Problem(
                "turn-in-progress", f"new turns keep arriving in session {session_id}; try again", retry_after_s=2
            )
        self._kept.pop(session_id, None)

    async def _watch(self) -> None:
        adopted, away = False, False
        while True:
            try:
                away = await self._note_outage(away)
                if not adopted:
                    await self._adopt()
                    adopted = True
                await self._refused.look()
                await self.end_idle()
            except AWAY as error:
                log.debug("watching conversations by text: %r", error)
            await asyncio.sleep(min(WATCH_S, self._settings.session_idle_s / 4))

    async def _note_outage(self, was_away: bool) -> bool:
        """Return whether the log is unavailable; after its return, idle time starts again. Raises nothing."""
        is_away = not await answers(connection(self._broker))
        if was_away or is_away:
            self._back_s = time.monotonic()
        return is_away

    async def _adopt(self) -> None:
        """Watch the conversations that a dead process left open."""
        async for opened in newest_sessions(connection(self._broker), most=ADOPTED):
            if opened.event.door != HTTP or opened.closed or opened.erased or opened.event.session_id in self._kept:
                continue
            state = SessionState(opened.event.session_id)
            try:
                await self._refresh(state)
            except NewerFact as error:
                log.warning("session %s is left to a newer door: %s", state.session_id, error)
                continue
            if not state.closed and not state.erased and state.session_id not in self._kept:
                conversation = self._kept[state.session_id] = _Conversation(state)
                conversation.note_activity(time.monotonic() - max(0, CLOCK.peek_ns() - state.active_ns) / 1e9)
                self._kept.move_to_end(state.session_id, last=False)

    async def end_idle(self) -> None:
        """End the conversations in which nothing was said for too long. Raises what the log raises."""
        now_s = time.monotonic()
        for conversation in self._kept.values():
            conversation.note_activity(now_s)
        for session_id, conversation in list(self._kept.items()):
            if conversation.state.ending and not conversation.is_busy:
                await self._end(session_id, conversation, now_s + 1, conversation.state.ending)
                continue
            oldest_s = now_s - in_session(self._settings, conversation.state.profile).session_idle_s
            if self._back_s > oldest_s and len(self._kept) <= MAX_KEPT:
                continue
            is_idle = conversation.active_s < oldest_s or len(self._kept) > MAX_KEPT
            if not conversation.is_busy and is_idle:
                await self._end(session_id, conversation, oldest_s)

    async def _end(
        self, session_id: str, conversation: _Conversation, oldest_s: float, reason: str = "timeout"
    ) -> None:
        state = conversation.state
        try:
            await self._refresh(state)
        except NewerFact as error:
            log.warning("session %s is left to a newer door: %s", session_id, error)
            self._kept.pop(session_id, None)
            return
        if not state.closed and not state.erased:
            conversation.note_activity(time.monotonic())
            if conversation.active_s >= oldest_s and len(self._kept) <= MAX_KEPT:
                return  # it continued at another process
            try:
                await self._settle_unread(state)
                await self._append_end(state, reason)
            except StaleWriter:
                return  # somebody wrote just now
        if self._kept.get(session_id) is conversation:
            del self._kept[session_id]

    async def _append_end(self, state: SessionState, reason: str) -> None:
        expected = ExpectedSequence(session_subjects(state.session_id, "turn"), state.turn_sequence)
        for event in closing_events(state.session_id, [(PERSON, 0)], reason, now_ns()):
            state.apply(await self._log.append(event, expected, READ_PATIENCE_S))


async def _run(exchange: ChatExchange, tape: Tape) -> None:
    with tape.working():
        await exchange.run()


async def _idle(conversation: _Conversation, patience_s: float = BUSY_PATIENCE_S) -> None:
    """Wait a little for the previous turn, which may be being recorded."""
    if conversation.exchange is None:
        return
    try:
        async with asyncio.timeout(patience_s):
            await conversation.exchange.over.wait()
    except TimeoutError:
        pass  # reported as turn-in-progress
