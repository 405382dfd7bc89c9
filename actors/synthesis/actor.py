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

from actors.synthesis.framing import ClauseFrames
from actors.synthesis.session_state import SessionState
from actors.synthesis.sound_publisher import Outlet
from actors.synthesis.voices import Voices
from contracts.answers import answer
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
)
from infra.engines.chain import EngineFailure
from infra.engines.tts import load_chain
from infra.log.broker import make_app, make_broker
from infra.log.connection import connection
from infra.log.event_log import append, facts_after, now_ns
from infra.log.inbox import Inbox
from infra.log.live_events import LiveEvents
from infra.log.requests import Requests
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

    async def close(self) -> None:
        """Stop everything that runs."""
        await ended(*self._running)

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

    def stop(self, session_id: str, reply_id: str | None = None) -> None:
        """Make no more sound of a reply; with no reply named, of the session."""
        for task, clause in list(self._running.items()):
            if clause.session_id == session_id and reply_id in (None, clause.reply_id):
                self._stopped.add(task)
                task.cancel()

    def forget(self, session_id: str) -> None:
        """Drop what is held of a session that is over."""
        self._sessions.pop(session_id, None)

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

    async def synthesize_again(self, clause: ReplyClauseWritten) -> str:
        """Publish the sound of a clause once more; return why not, or nothing."""
        session = await self._session(clause.session_id)
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


def take_events(broker: NatsBroker, synthesis: Synthesis) -> Inbox:
    """Return the inbox of clauses."""
    inbox = Inbox(broker, SYNTHESIS)

    @inbox.on(ReplyClauseWritten)
    async def clause_written(event: ReplyClauseWritten) -> None:
        """Publish the clause's sound, then append that all of it is out."""
        await synthesis.synthesize(event)

    return inbox


def listen(broker: NatsBroker, synthesis: Synthesis) -> LiveEvents:
    """Return what every copy hears at once, for it may be making the sound that nobody wants any more."""
    live = LiveEvents(broker, SYNTHESIS)

    @live.on(TurnInterrupted, ReplyDiscarded)
    async def reply_stopped(event: TurnInterrupted | ReplyDiscarded) -> None:
        """Stop the reply."""
        synthesis.stop(event.session_id, event.reply_id)

    @live.on(SessionClosed)
    async def session_closed(event: SessionClosed) -> None:
        """Stop all of the session's replies."""
        synthesis.stop(event.session_id)
        synthesis.forget(event.session_id)

    return live


def answer_requests(broker: NatsBroker, synthesis: Synthesis) -> Requests:
    """Return what a copy is asked for."""
    requests = Requests(broker, SYNTHESIS, MOST_AGAIN)

    @requests.on(SOUND_AGAIN, ReplyClauseWritten)
    async def sound_again(clause: ReplyClauseWritten) -> bytes:
        """Publish a clause's sound again, which a door has lost; answer nothing once all is out, or why it is not."""
        return (await synthesis.synthesize_again(clause)).encode()

    return requests


def make() -> FastStream:
    """Return the app of this actor."""
    broker = make_broker(SYNTHESIS)
    voices = Voices(settings(), load_chain)
    synthesis = Synthesis(broker, voices, settings())
    inbox = take_events(broker, synthesis)
    live = listen(broker, synthesis)
    requests = answer_requests(broker, synthesis)

    @asynccontextmanager
    async def life() -> AsyncIterator[None]:
        async with http_context.open():  # plugins share it
            await voices.open()
            try:
                async with live, requests, inbox:
                    yield
            finally:
                await synthesis.close()
                await voices.close()

    return make_app(SYNTHESIS, broker, life, lambda: () if voices.usable else ("speak",))
