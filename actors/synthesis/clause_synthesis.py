"""The sound of clauses: created and published once each, unless nobody will hear it."""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Coroutine
from contextlib import aclosing
from typing import Any

from faststream.nats import NatsBroker

from actors.synthesis.framing import ClauseFrames
from actors.synthesis.session_state import SessionState
from actors.synthesis.sound_publisher import Outlet
from actors.synthesis.voices import Voices
from contracts.answers import answer
from contracts.events import ClauseSynthesized, EngineFailed, ReplyClauseWritten
from contracts.topology import SYNTHESIS, audio_out_subject
from infra.engines.chain import EngineFailure
from infra.log.connection import connection
from infra.log.event_log import append, facts_after, now_ns
from infra.process.tasks import CancelledElsewhere, ended, own_cancellation_only
from infra.session.behaviour import in_session
from infra.settings import Settings

log = logging.getLogger(__name__)

SESSIONS_KEPT = 500


class Synthesis:
    """One copy's clauses: creates their sound, stops when a reply is stopped, and repeats what was lost."""

    def __init__(self, broker: NatsBroker, voices: Voices, settings: Settings) -> None:
        self._broker = broker
        self._voices = voices
        self._settings = settings
        self._sessions: OrderedDict[str, SessionState] = OrderedDict()
        self._running: dict[asyncio.Task[None], ReplyClauseWritten] = {}
        self._stopped: set[asyncio.Task[None]] = set()
        """Those still running although they were stopped."""

    async def close(self) -> None:
        """Stop everything that runs."""
        await ended(*self._running)

    @property
    def sessions_held(self) -> int:
        """How many sessions this copy holds the state of."""
        return len(self._sessions)

    async def synthesize(self, clause: ReplyClauseWritten) -> None:
        """Create a clause's sound and append that it is published, unless that is done or nobody will hear it."""
        session = await self._session(clause.session_id)
        if not session.to_do(clause):
            log.debug("clause %d of %s is done or dropped", clause.index, clause.reply_id)
            return
        if await self._unless_stopped(clause, self._sound(clause, session, record=True)):
            session.done.add((clause.reply_id, clause.index))

    async def _session(self, session_id: str) -> SessionState:
        """Return the session, up to date with the log; a session by text is not read further."""
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
        """Await the work; return False if the clause was stopped meanwhile. Raises what the work raises."""
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
        """Stop the sound of a reply; without a reply, of the whole session."""
        for task, clause in list(self._running.items()):
            if clause.session_id == session_id and reply_id in (None, clause.reply_id):
                self._stopped.add(task)
                task.cancel()

    def forget(self, session_id: str) -> None:
        """Drop what is held of a session that is over."""
        self._sessions.pop(session_id, None)

    async def _sound(self, clause: ReplyClauseWritten, session: SessionState, record: bool) -> None:
        """Publish a clause's sound; with `record`, append the outcome."""
        started = time.perf_counter()
        settings = in_session(self._settings, session.profile)
        conversion = settings.tts_sample_rate_conversion
        rate_hz = None if conversion == "none" else settings.agent_sample_rate_hz
        frames = ClauseFrames(clause.reply_id, clause.index, clause.text, rate_hz, conversion)
        outlet = Outlet(connection(self._broker), audio_out_subject(clause.session_id))
        chain, failure = await self._voices.of(settings)
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
        """Publish the sound of a clause again; return an empty text, or why it was not published."""
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
    """Return the fact that all sound of a clause is published."""
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
