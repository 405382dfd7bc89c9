"""One turn by text: appended to the log, answered by the reasoning actor, delivered in pieces, recorded as read."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from bridge.call.turn_spans import TurnSpans
from bridge.http.chat.inbound import ALL_READ, DELIVERED, GONE, Item, NewerVersionCame, TurnInbound, Wake
from bridge.http.chat.reply_stream import Delivered, Piece, ToolEnded, ToolStarted, Writing
from bridge.http.chat.session_events import ReadingFacts
from bridge.http.chat.session_state import SessionState
from bridge.http.chat.tokens import ReplyToken
from bridge.http.problems import AWAY, Problem, log_away
from contracts import events as e
from contracts.topology import session_subjects
from infra.log.event_log import ExpectedSequence, Fact, StaleWriter
from infra.log.taped_log import EventLog

log = logging.getLogger(__name__)

APPEND_PATIENCE_S = 3.0
MAX_WAITING = 10_000
"""Most pieces that may wait for a slow reader; beyond it the reader counts as gone."""
MAX_EARLY = 100
GONE_PATIENCE_S = 30.0
"""How long to wait for an answer to begin, to stop it, after its reader went away."""
STOP_PATIENCE_S = 1.0
"""How long the writer of a reply may take to append how much of it exists, once it is told to stop."""
DELIVERY_PATIENCE_S = 60.0
"""How long the end of an answer may take to reach a reader."""
RECORD_PATIENCE_S = 40.0


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer; times in ms since the turn was accepted. `first_token_ms` is None if no token arrived.

    `resume_token`, the session's secret, is only in the first answer of a session.
    """

    session_id: str
    turn_id: str
    reply_id: str
    text: str
    finish: str
    first_token_ms: float | None
    total_ms: float
    resume_token: str | None


class ChatExchange:
    """Runs as a separate task (`run`), so that it ends properly however the reader leaves.

    The reader reads `pieces` and then awaits `recorded`, or awaits `whole`; `abandon` reports that it went away.
    """

    def __init__(
        self,
        event_log: EventLog,
        inbound: TurnInbound,
        state: SessionState,
        turn: e.TurnEnded,
        timeout_s: float,
        resume_token: str,
        spans: TurnSpans | None = None,
    ) -> None:
        self.turn = turn
        self._spans = spans
        self.resume_token = resume_token
        self.over = asyncio.Event()
        self._log = event_log
        self._inbound = inbound
        self._state = state
        self._timeout_s = timeout_s
        self._begun_s = time.monotonic()
        self._pieces: asyncio.Queue[Piece | None] = asyncio.Queue(MAX_WAITING)
        self._writing = Writing()
        self._delivered = Delivered()
        self._facts: ReadingFacts | None = None
        self._completed: e.ReplyCompleted | None = None
        self._stopped_at: str | None = None
        """Everything that was written when it was told to stop."""
        self._first_token_ms: float | None = None
        self._is_started = False
        self._gone = ""
        self._read_all = asyncio.Event()
        self._early: list[ReplyToken] = []
        self._accepted = asyncio.Event()
        self._problem: Problem | None = None
        self._answer: Answer | None = None

    # -- the reader

    async def accepted(self) -> None:
        """Return once the turn is stored; it is answered from then on. Raises Problem."""
        await self._accepted.wait()
        if self._problem is not None:
            raise self._problem

    async def pieces(self) -> AsyncIterator[Piece]:
        """Yield the answer as it is written. A piece counts as delivered when the next one is asked for."""
        while (piece := await self.next_piece()) is not None:
            yield piece
            self.delivered(piece)
        self.all_read()

    async def next_piece(self) -> Piece | None:
        """Return the next piece of the answer, None after the last one."""
        return await self._pieces.get()

    def delivered(self, piece: Piece) -> None:
        """Note that a piece has reached the reader."""
        self._inbound.note(DELIVERED)
        self._delivered.take(piece)
        if not self._is_started:
            self._inbound.offer(Wake())

    def all_read(self) -> None:
        """Note that the reader has asked for what follows the last piece."""
        self._inbound.note(ALL_READ)
        self._read_all.set()
        self._inbound.offer(Wake())

    async def recorded(self) -> Answer:
        """Return the answer once the log has stored that it was read. Raises Problem."""
        await self.over.wait()
        if self._answer is None:
            raise self._problem or Problem("timeout", "the answer did not come to its end")
        return self._answer

    async def whole(self) -> Answer:
        """Return the answer when it is complete; it counts as delivered at once. Raises Problem."""
        taken = []
        while (piece := await self.next_piece()) is not None:
            taken.append(piece)
        for piece in taken if self._problem is None else ():
            self.delivered(piece)
        self.all_read()
        return await self.recorded()

    def abandon(self, reason: str = "vanished") -> None:
        """Mark the reader as gone; what was delivered by now counts as read."""
        if not self._gone and not self._read_all.is_set():
            self._inbound.note(GONE, reason)
            self._go(reason)

    def _go(self, reason: str) -> None:
        self._gone = reason
        self._read_all.set()
        self._inbound.offer(Wake())

    # -- the turn

    async def run(self) -> None:
        """Append the turn, follow its answer to the end, and record what was read of it. Raises nothing."""
        try:
            await self._follow()
        except Problem as problem:
            self._problem = problem
        except StaleWriter:
            self._problem = Problem("session-closed", "the session has just ended; leave its id out for a new one")
        except AWAY as error:
            log.warning("session %s: a turn was not answered: %r", self.turn.session_id, error)
            self._problem = log_away()
        try:
            self._accepted.set()
            self._pieces.put_nowait(None)
            await self._record()
        except (*AWAY, asyncio.QueueFull) as error:
            log.warning("session %s: what was read could not be stored: %r", self.turn.session_id, error)
            self._problem = self._problem or log_away()
        finally:
            self.over.set()

    async def _follow(self) -> None:
        async with self._inbound.following(self._state.sequence):
            expected = ExpectedSequence(session_subjects(self.turn.session_id, "session"), self._state.session_sequence)
            await self._log.append(self.turn, expected, APPEND_PATIENCE_S)
            self._note_in_spans(self.turn)
            self._accepted.set()
            await self._until_over()

    async def _until_over(self) -> None:
        deadline_s = time.monotonic() + self._timeout_s
        while self._completed is None and not (self._gone and self._facts is not None):
            item = await self._inbound.get(deadline_s - time.monotonic())
            if item is None:
                raise Problem("timeout", f"no answer came within {self._timeout_s:.0f} s", retry_after_s=5)
            if self._gone and self._facts is None:
                deadline_s = time.monotonic() + GONE_PATIENCE_S
            await self._take(item)
        if self._completed is None:
            await self._stop()

    async def _stop(self) -> None:
        """Stop the writer of the reply, and wait for how much was written: no more can have been read."""
        assert self._facts is not None
        await self._append(self._facts.stopped(self._inbound.now_ns))
        deadline_s = time.monotonic() + STOP_PATIENCE_S
        while self._completed is None and self._stopped_at is None:
            item = await self._inbound.get(deadline_s - time.monotonic())
            if item is None:
                return
            await self._take(item)

    async def _take(self, item: Item) -> None:
        if isinstance(item, Fact):
            self._state.apply(item)
            self._note_in_spans(item.event)
            self._take_fact(item.event)
        elif isinstance(item, NewerVersionCame):
            raise Problem("not-available", item.reason)
        elif isinstance(item, ReplyToken):
            self._take_token(item)
        elif self._delivered.shown and not self._is_started:
            await self._append_started()

    def _take_token(self, token: ReplyToken) -> None:
        if self._facts is None:  # it overtook the beginning of its reply
            self._early = [*self._early[-MAX_EARLY:], token]
        elif token.reply_id == self._facts.reply_id:
            self._note_first_token()
            self._deliver(self._writing.token(token.number, token.text))

    def _take_fact(self, event: e.Event) -> None:
        match event:
            case e.ReplyStarted(turn_id=self.turn.turn_id) if self._facts is None:
                self._facts = ReadingFacts(event)
                for token in self._early:
                    self._take_token(token)
            case e.SessionClosed():
                raise Problem("session-closed", "the session ended before the answer came")
            case _ if self._facts is not None and getattr(event, "reply_id", "") == self._facts.reply_id:
                self._take_fact_of_reply(event)

    def _take_fact_of_reply(self, event: e.Event) -> None:
        match event:
            case e.ReplyClauseWritten():
                self._note_first_token()
                self._deliver(self._writing.clause(event.index, event.text))
            case e.ToolCalled():
                self._deliver([ToolStarted(event.call_id, event.tool, event.arguments)])
            case e.ToolReturned():
                self._deliver([ToolEnded(event.call_id, event.tool, event.result, event.error, event.elapsed_ms)])
            case e.ReplyCompleted(finish="interrupted") if self._gone:
                self._stopped_at = event.text
            case e.TurnInterrupted() if self._gone:
                return  # our own cancellation
            case e.ReplyCompleted(finish="interrupted") | e.ReplyDiscarded() | e.TurnInterrupted():
                raise Problem("superseded", "another turn of the same session came first")
            case e.ReplyCompleted():
                self._completed = event
                self._deliver(self._writing.end(event.text))

    def _note_first_token(self) -> None:
        if self._first_token_ms is None:
            self._first_token_ms = self._passed_ms()

    def _deliver(self, pieces: list[Piece]) -> None:
        for piece in pieces:
            if self._pieces.qsize() >= MAX_WAITING - 1:
                self._go("slow-reader")
                return
            self._pieces.put_nowait(piece)

    def _passed_ms(self) -> float:
        return (time.monotonic() - self._begun_s) * 1000

    # -- what was read

    async def _record(self) -> None:
        """Wait until the end has reached the reader, and append that; if it does not, append what did."""
        if self._facts is None:
            return
        if self._completed is not None and self._problem is None:
            await self._until_read()
            if not self._gone:
                await self._record_all(self._completed)
                return
        await self._record_part(self._gone or (self._problem.code if self._problem else "vanished"))

    async def _until_read(self) -> None:
        deadline_s = time.monotonic() + DELIVERY_PATIENCE_S
        while not self._read_all.is_set():
            if await self._inbound.get(deadline_s - time.monotonic()) is None and not self._read_all.is_set():
                self._go("slow-reader")

    async def _record_all(self, completed: e.ReplyCompleted) -> None:
        assert self._facts is not None
        await self._append_started()
        await self._append(self._facts.finished(completed.text, self._inbound.now_ns))
        self._answer = Answer(
            session_id=self.turn.session_id,
            turn_id=self.turn.turn_id or "",
            reply_id=completed.reply_id,
            text=completed.text,
            finish=completed.finish,
            first_token_ms=self._first_token_ms,
            total_ms=self._passed_ms(),
            resume_token=self.resume_token or None,
        )

    async def _record_part(self, reason: str) -> None:
        assert self._facts is not None
        await self._append(self._facts.stopped(self._inbound.now_ns))
        if self._delivered.shown:
            await self._append_started()
        clause_index = max(self._delivered.clauses, default=0)
        heard_text = self._delivered.text(self._writing.text if self._stopped_at is None else self._stopped_at)
        await self._append(self._facts.interrupted(heard_text, clause_index, reason, self._inbound.now_ns))

    async def _append_started(self) -> None:
        if not self._is_started and self._facts is not None:
            self._is_started = True
            await self._append(self._facts.started(self._inbound.now_ns))

    async def _append(self, event: e.Event) -> None:
        fact = await self._log.append(event, patience_s=RECORD_PATIENCE_S)
        self._state.apply(fact)
        self._note_in_spans(fact.event)

    def _note_in_spans(self, event: e.Event) -> None:
        if self._spans is not None:
            self._spans.apply(event)
