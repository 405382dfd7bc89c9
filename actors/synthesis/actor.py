"""Synthesis: clauses become the agent's sound, and a fact says when all of it is out."""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Coroutine
from contextlib import aclosing, asynccontextmanager
from typing import Any

from faststream import FastStream
from faststream.nats import NatsBroker
from livekit.agents.utils import http_context
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from actors.synthesis.framing import ClauseFrames
from actors.synthesis.session_state import SessionState
from actors.synthesis.sound_publisher import Outlet
from actors.synthesis.voices import Voices
from contracts.answers import answer
from contracts.codec import Undecodable, decode
from contracts.events import (
    ClauseSynthesized,
    EngineFailed,
    ReplyClauseWritten,
    ReplyDiscarded,
    SessionClosed,
    TurnInterrupted,
)
from contracts.topology import (
    SOUND_AGAIN,
    SYNTHESIS,
    audio_out_subject,
    event_subject,
    live_event_subject,
    session_of,
)
from infra.engines.chain import EngineFailure
from infra.engines.tts import load_chain
from infra.log.broker import make_app, make_broker
from infra.log.connection import connection
from infra.log.event_log import append, facts_after, now_ns
from infra.log.inbox import Inbox
from infra.process.tasks import CancelledElsewhere, ended, own_cancellation_only
from infra.settings import Settings, settings

log = logging.getLogger(__name__)

SESSIONS_KEPT = 500
MOST_AGAIN = 50
"""Requests for sound again that are served at a time; more are refused."""


class Synthesis:
    """One copy's clauses: makes their sound, stops when a reply is stopped, and makes again what was lost."""

    def __init__(self, broker: NatsBroker, voices: Voices, settings: Settings) -> None:
        self._broker = broker
        self._voices = voices
        self._settings = settings
        self._sessions: OrderedDict[str, SessionState] = OrderedDict()
        self._running: dict[asyncio.Task[None], ReplyClauseWritten] = {}
        self._stopped: set[asyncio.Task[None]] = set()
        """Those that run on although they were told to stop."""
        self._again: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Listen for what stops a reply, and for requests for sound again."""
        nc = connection(self._broker)
        for event_class in (TurnInterrupted, ReplyDiscarded, SessionClosed):
            await nc.subscribe(live_event_subject(event_class), cb=self._stop)
        await nc.subscribe(SOUND_AGAIN.subject, queue=SOUND_AGAIN.queue, cb=self._asked_again)

    async def close(self) -> None:
        """Stop everything that runs."""
        tasks = [*self._running, *self._again]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def sessions_held(self) -> int:
        """Of how many sessions this copy keeps what it has read."""
        return len(self._sessions)

    async def synthesize(self, clause: ReplyClauseWritten) -> None:
        """Make a clause's sound and append that it is made, unless that is done or nobody will hear it."""
        session = await self._session(clause.session_id)
        if not session.to_do(clause):
            log.debug("clause %d of %s is done or dropped", clause.index, clause.reply_id)
            return
        if await self._unless_stopped(clause, self._sound(clause, session, record=True)):
            session.done.add((clause.reply_id, clause.index))

    async def _session(self, session_id: str) -> SessionState:
        """Return the session brought up to date with the log; of one by text nothing more has to be known."""
        session = self._sessions.setdefault(session_id, SessionState())
        self._sessions.move_to_end(session_id)
        if len(self._sessions) > SESSIONS_KEPT:
            self._sessions.popitem(last=False)
        if not session.speaks:
            return session
        for fact in await facts_after(self._broker, session_id, session.sequence):
            session.fold(fact)
        if session.closed:
            self._sessions.pop(session_id, None)
        return session

    async def _unless_stopped(self, clause: ReplyClauseWritten, work: Coroutine[Any, Any, None]) -> bool:
        """Await the work; return False if the clause was stopped meanwhile. Raises what the work does."""
        task = asyncio.create_task(work)
        self._running[task] = clause
        try:
            with own_cancellation_only():
                await task
        except CancelledElsewhere:
            if task not in self._stopped:
                raise
            log.debug("clause %d of %s was stopped", clause.index, clause.reply_id)
            return False
        finally:
            await ended(task)
            del self._running[task]
            self._stopped.discard(task)
        return True

    async def _stop(self, message: Msg) -> None:
        try:
            event = decode(message.subject, message.data)
        except Undecodable as error:
            log.warning("%s", error)
            return
        reply_id = getattr(event, "reply_id", None)
        for task, clause in list(self._running.items()):
            if clause.session_id == event.session_id and reply_id in (None, clause.reply_id):
                self._stopped.add(task)
                task.cancel()
        if isinstance(event, SessionClosed):
            self._sessions.pop(event.session_id, None)

    async def _sound(self, clause: ReplyClauseWritten, session: SessionState, record: bool) -> None:
        """Publish a clause's sound; with `record`, say what came of it."""
        started = time.perf_counter()
        conversion = self._settings.tts_sample_rate_conversion
        rate_hz = None if conversion == "none" else self._settings.agent_sample_rate_hz
        frames = ClauseFrames(clause.reply_id, clause.index, clause.text, rate_hz, conversion)
        outlet = Outlet(connection(self._broker), audio_out_subject(clause.session_id))
        chain, failure = await self._voices.of(session.tts, session.voice)
        failures = [failure] if failure is not None and clause.index == 0 else []
        is_unsaid = not chain.can_say(clause.text)
        told = is_unsaid and session.is_told(clause)
        async with aclosing(chain.synthesize("" if told else clause.text, urgent=clause.index == 0)) as sounds:
            async for sound in sounds:
                if isinstance(sound, EngineFailure):
                    failures.append(sound)
                    cut = frames.restart()
                else:
                    cut = frames.push(sound)
                for frame in cut:
                    await outlet.send(frame.pack())
        for frame in frames.finish():
            await outlet.send(frame.pack())
        engine_ms = (time.perf_counter() - started) * 1000
        await outlet.confirm()
        if record:
            for number, failure in enumerate(failures):
                await append(self._broker, failed(clause, number, failure))
            event = synthesized(clause, frames, engine_ms, outlet.first_frame_ns)
            await append(self._broker, event.model_copy(update={"unsaid": True}) if is_unsaid else event)

    async def _asked_again(self, request: Msg) -> None:
        if len(self._again) >= MOST_AGAIN:
            await request.respond(b"busy: too many clauses are being made again")
            return
        task = asyncio.create_task(self._answer(request))
        self._again.add(task)
        task.add_done_callback(self._again.discard)

    async def _answer(self, request: Msg) -> None:
        """Publish a clause again, and answer nothing or why not."""
        try:
            with own_cancellation_only():
                problem = await self._make_again(session_of(request.subject), request.data)
        except Exception as error:  # whoever asked is told; the actor goes on
            log.warning("sound again: %r", error)
            problem = f"{type(error).__name__}: {error}"
        try:
            await request.respond(problem.encode())
        except NatsError as error:
            log.debug("sound again: no answer possible: %r", error)

    async def _make_again(self, session_id: str, data: bytes) -> str:
        clause = decode(event_subject(session_id, ReplyClauseWritten), data)
        assert isinstance(clause, ReplyClauseWritten)
        session = await self._session(session_id)
        if not session.hearable(clause):
            return "the reply was interrupted or discarded, or the session is closed"
        done = await self._unless_stopped(clause, self._sound(clause, session, record=False))
        return "" if done else "the reply was interrupted or discarded meanwhile"


def failed(clause: ReplyClauseWritten, number: int, failure: EngineFailure) -> EngineFailed:
    """Return the fact that an engine failed at a clause; `number` counts them per clause."""
    return answer(
        clause,
        EngineFailed,
        time_ns=now_ns(),
        id_n=number,
        actor=SYNTHESIS,
        engine=f"tts:{failure.engine}",
        error=failure.error,
        action=failure.action,
    )


def synthesized(
    clause: ReplyClauseWritten, frames: ClauseFrames, engine_ms: float, first_chunk_ns: int
) -> ClauseSynthesized:
    """Return the fact that all sound of a clause is out."""
    return answer(
        clause,
        ClauseSynthesized,
        time_ns=now_ns(),
        reply_id=clause.reply_id,
        index=clause.index,
        text=clause.text,
        samples=frames.samples,
        sample_rate_hz=frames.sample_rate_hz,
        word_end_samples=frames.word_end_samples,
        engine=frames.engine,
        engine_ms=engine_ms,
        first_chunk_ns=first_chunk_ns,
    )


def make() -> FastStream:
    """Return the app of this actor."""
    broker = make_broker(SYNTHESIS)
    voices = Voices(settings(), load_chain)
    synthesis = Synthesis(broker, voices, settings())
    inbox = Inbox(broker, SYNTHESIS)

    @inbox.on(ReplyClauseWritten)
    async def clause_written(event: ReplyClauseWritten) -> None:
        """Publish the clause's sound, then append that all of it is out."""
        await synthesis.synthesize(event)

    @asynccontextmanager
    async def life() -> AsyncIterator[None]:
        async with http_context.open():  # plugins share it
            await voices.open()
            await synthesis.open()
            await inbox.open()
            try:
                yield
            finally:
                await inbox.close()
                await synthesis.close()
                await voices.close()

    return make_app(SYNTHESIS, broker, life, lambda: () if voices.usable else ("speak",))
