"""The sound of clauses: created and published once each, unless nobody will hear it."""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Protocol

from faststream.nats import NatsBroker

from actors.synthesis.framing import ClauseFrames
from actors.synthesis.session_state import SessionState
from actors.synthesis.sound_publisher import Outlet
from actors.synthesis.taped_sound import ClauseVoices
from actors.synthesis.voices import Voices
from contracts.answers import answer
from contracts.audio import OutFrame
from contracts.events import ClauseSynthesized, EngineFailed, ReplyClauseWritten
from contracts.topology import SYNTHESIS, audio_out_subject
from infra.engines.chain import PASSED_OVER, EngineFailure
from infra.log.connection import connection
from infra.log.event_log import LogUnavailable, now_ns
from infra.log.taped_log import EventLog
from infra.process.tasks import CancelledElsewhere, ended, own_cancellation_only
from infra.session.behaviour import in_session
from infra.settings import Settings
from infra.tape.tape import Packing, Tape, Tapes
from infra.tape.untaped import Untaped
from infra.telemetry.traces import ids_of, in_turn, span
from infra.telemetry.turns import clause_span, span_context

log = logging.getLogger(__name__)

SESSIONS_KEPT = 500


SENT = "sent"
"""Kind of the request on the tape: all sound of a clause has reached NATS."""

ACKNOWLEDGED: Packing[None] = Packing(lambda _: None, lambda _: None, (LogUnavailable,))


class ClauseOutlet(Protocol):
    """Takes the frames of one clause."""

    first_frame_ns: int
    """When the first was sent, 0 before."""

    async def send(self, frame: bytes) -> None:
        """Publish a frame."""

    async def confirm(self) -> None:
        """Return once NATS has received every frame. Raises LogUnavailable."""


OutletOf = Callable[[str], ClauseOutlet]
"""Returns an outlet for a clause of a session."""


@dataclass(frozen=True, slots=True)
class Made:
    """The sound of a clause that is published, and what is to be told about it."""

    frames: ClauseFrames
    failures: list[EngineFailure]
    is_unsaid: bool
    engine_ms: float
    first_frame_ns: int


def outlets_on(broker: NatsBroker) -> OutletOf:
    """Return outlets that publish on core NATS."""
    return lambda session_id: Outlet(connection(broker), audio_out_subject(session_id))


class Synthesis:
    """One copy's clauses: creates their sound, stops when a reply is stopped, and repeats what was lost."""

    def __init__(
        self,
        log: EventLog,
        tapes: Tapes,
        untaped_log: EventLog,
        outlet_of: OutletOf,
        voices: Voices,
        settings: Settings,
    ) -> None:
        self._log = log
        self._tapes = tapes
        self._untaped_log = untaped_log
        """For sound that is published again: it leads to no fact, so a replay leaves it out."""
        self._outlet_of = outlet_of
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

    @property
    def is_working(self) -> bool:
        """Whether sound is being made."""
        return bool(self._running)

    async def synthesize(self, clause: ReplyClauseWritten) -> None:
        """Create a clause's sound and append that it is published, unless that is done or nobody will hear it."""
        session = await self._session(clause.session_id)
        if not session.to_do(clause):
            log.debug("clause %d of %s is done or dropped", clause.index, clause.reply_id)
            return
        if await self._unless_stopped(clause, self._sound(clause, session)):
            session.done.add((clause.reply_id, clause.index))

    async def _session(self, session_id: str) -> SessionState:
        """Return the session, up to date with the log; a session by text is not read further."""
        session = self._sessions.setdefault(session_id, SessionState())
        self._sessions.move_to_end(session_id)
        if len(self._sessions) > SESSIONS_KEPT:
            self._sessions.popitem(last=False)
        if not session.speaks:
            return session
        for fact in await self._log.facts_after(session_id, session.sequence):
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

    async def _sound(self, clause: ReplyClauseWritten, session: SessionState) -> None:
        """Publish a clause's sound, and append the outcome."""
        own = span_context(clause.session_id, clause.turn_id, clause_span(clause.reply_id, clause.index))
        with span(
            "synthesis", in_turn(clause.session_id, clause.turn_id), attributes=_about(clause), given=own
        ) as part:
            made = await self._published(clause, session, self._tapes.of(clause.session_id))
            part.set_attributes(_about_sound(made))
        for number, failure in enumerate(made.failures):
            await self._log.append(failed(clause, number, failure))
        event = synthesized(clause, made.frames, made.engine_ms, made.first_frame_ns)
        await self._log.append(event.model_copy(update={"unsaid": True}) if made.is_unsaid else event)

    async def _published(self, clause: ReplyClauseWritten, session: SessionState, tape: Tape) -> Made:
        """Publish a clause's sound."""
        started = time.perf_counter()
        settings = in_session(self._settings, session.profile_of(clause))
        conversion = settings.tts_sample_rate_conversion
        rate_hz = None if conversion == "none" else settings.agent_sample_rate_hz
        frames = ClauseFrames(clause.reply_id, clause.index, clause.text, rate_hz, conversion)
        outlet = self._outlet_of(clause.session_id)
        voices = ClauseVoices(tape, self._voices, settings, clause.event_id, clause.text)
        speakable = await voices.speakable()
        failures = [speakable.failure] if speakable.failure is not None and clause.index == 0 else []
        told = not speakable.can_say and session.is_told(clause)
        async with aclosing(voices.sound("" if told else clause.text, urgent=clause.index == 0)) as sounds:
            async for sound in sounds:
                if isinstance(sound, EngineFailure):
                    if sound.error != PASSED_OVER or sound.engine not in session.failed:
                        failures.append(sound)
                    cut = frames.restart()
                else:
                    cut = frames.push(sound)
                await _send(outlet, cut)
        await _send(outlet, frames.end_of_sound())
        frames.voiced = await voices.voiced(frames)
        await _send(outlet, frames.finish())
        engine_ms = (time.perf_counter() - started) * 1000
        await tape.result(SENT, clause.event_id, None, outlet.confirm, ACKNOWLEDGED)
        return Made(frames, failures, not speakable.can_say, engine_ms, outlet.first_frame_ns)

    async def synthesize_again(self, clause: ReplyClauseWritten) -> str:
        """Publish the sound of a clause again; return an empty text, or why it was not published."""
        session = SessionState()
        for fact in await self._untaped_log.facts_after(clause.session_id):
            session.fold(fact)
        if not session.hearable(clause):
            return "the reply was interrupted or discarded, or the session is closed"
        done = await self._unless_stopped(clause, self._repeated(clause, session))
        return "" if done else "the reply was interrupted or discarded meanwhile"

    async def _repeated(self, clause: ReplyClauseWritten, session: SessionState) -> None:
        await self._published(clause, session, Untaped().of(clause.session_id))


def _about(clause: ReplyClauseWritten) -> dict[str, str | int]:
    return {**ids_of(clause), "daredevil.reply_id": clause.reply_id, "daredevil.clause": clause.index}


def _about_sound(made: Made) -> dict[str, str | float]:
    return {
        "daredevil.engine": made.frames.engine,
        "daredevil.engine_ms": made.engine_ms,
        "daredevil.sound_ms": made.frames.samples * 1000 / made.frames.sample_rate_hz,
        "daredevil.engines_failed": len(made.failures),
    }


async def _send(outlet: ClauseOutlet, frames: Iterator[OutFrame]) -> None:
    for frame in frames:
        await outlet.send(frame.pack())


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
