"""Persistence: receives every fact of the log, and appends a record of each exchange whose playback has ended.

What was said in turns of which no answer is heard any more is recorded, too.

The recorder stores the sound separately.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import TypeVar

from faststream import FastStream
from faststream.nats import NatsBroker

from actors.persistence.embedding import LIVE as LIVE_EMBEDDING
from actors.persistence.embedding import embedded, embedding_failed
from actors.persistence.record import record_of
from actors.persistence.recording.recorder import Recorder
from actors.persistence.sessions import Sessions
from actors.persistence.unanswered import left_at_close, passed_over
from contracts.events import (
    Event,
    PlaybackFinished,
    PlaybackInterrupted,
    PlaybackStarted,
    SessionClosed,
    SessionErased,
    SessionOpened,
    SpeechStarted,
    TurnEnded,
    TurnRecorded,
)
from contracts.topology import PERSISTENCE, RECORDER
from infra.engines.embedding import Embedder, EmbeddingFailed, embedder_of
from infra.log.broker import make_app, make_broker
from infra.log.connection import connection
from infra.log.event_log import facts_after, now_ns
from infra.log.handlers import EventHandlers
from infra.log.inbox import Inbox, Job
from infra.log.live_events import LiveEvents
from infra.log.log_figures import LogFigures
from infra.log.taped_log import EventLog, LiveLog
from infra.log.tapes import tapes_of
from infra.memory.presence import PresenceBoard
from infra.metrics.sessions import MeasuredSessions
from infra.settings import settings
from infra.tape.tape import Packing, Tapes

InboxT = TypeVar("InboxT", bound=EventHandlers[Job | None])


class Records:
    """Appends the records of exchanges. `packing` is how an embedding is on the tape."""

    def __init__(
        self, log: EventLog, tapes: Tapes, embedder: Embedder | None, packing: Packing[bytes] = LIVE_EMBEDDING
    ) -> None:
        self.sessions = Sessions(log)
        self._log = log
        self._tapes = tapes
        self._embedder = embedder
        self._packing = packing

    async def record(self, played: PlaybackFinished | PlaybackInterrupted) -> None:
        """Append the record of an exchange whose playback has ended, unless the log has it.

        Before it come those of turns whose words it answers too.
        """
        session = await self.sessions.at(played)
        own = record_of(session, played, now_ns())
        if own is not None:
            await self._append([*passed_over(session, played, now_ns()), own])

    async def close(self, event: SessionClosed | TurnEnded) -> None:
        """Append the records of turns that the end of their session has left without an answer."""
        session = await self.sessions.at_close(event)
        await self._append(left_at_close(session, event, now_ns()))

    async def _append(self, records: Iterable[TurnRecorded]) -> None:
        """Append records with their embeddings; one that cannot be computed is a fact, and its record has none."""
        for turn in records:
            whole = turn
            try:
                whole = await embedded(turn, self._embedder, self._tapes.of(turn.session_id), self._packing)
            except EmbeddingFailed as error:
                await self._log.append(embedding_failed(turn, self._embedder, error, now_ns()))
            # The embedding may have taken seconds: the time of a fact is that of its place in the log.
            await self._log.append(whole.model_copy(update={"time_ns": now_ns()}))


def take_events(inbox: InboxT, records: Records, note_presence: Callable[[Event], Awaitable[None]]) -> InboxT:
    """Declare the handlers of all facts, and return the inbox."""

    @inbox.on(PlaybackFinished, PlaybackInterrupted)
    async def playback_ended(event: PlaybackFinished | PlaybackInterrupted) -> None:
        """Record the exchange, with what was heard of the reply."""
        await records.record(event)

    @inbox.on(SessionClosed)
    async def session_closed(event: SessionClosed) -> None:
        """Record what nothing answers any more."""
        await records.close(event)

    @inbox.on(TurnEnded)
    async def turn_ended(event: TurnEnded) -> None:
        """Record the last words of somebody who hung up in mid-sentence."""
        if records.sessions.is_over(event.session_id):
            await records.close(event)

    @inbox.on(SessionErased)
    async def session_erased(event: SessionErased) -> None:
        """Drop what is held of the session."""
        records.sessions.forget(event.session_id)

    @inbox.on_everything
    async def anything(event: Event) -> None:
        """Keep the bucket of who is in which session up to date."""
        await note_presence(event)

    return inbox


def take_recordings(broker: NatsBroker, recorder: Recorder) -> Inbox:
    """Return the inbox of sessions to record."""
    inbox = Inbox(broker, RECORDER)

    @inbox.on(SessionOpened)
    async def session_opened(event: SessionOpened) -> Job | None:
        """Record the session; its message is held until the recording is complete."""
        return recorder.record(event)

    return inbox


def listen(broker: NatsBroker, recorder: Recorder) -> LiveEvents:
    """Return the live handlers that wake an idle recording."""
    live = LiveEvents(broker, PERSISTENCE)

    @live.on(SessionClosed, SpeechStarted, PlaybackStarted)
    async def more_to_record(event: SessionClosed | SpeechStarted | PlaybackStarted) -> None:
        """Check again at once: there is sound, or the session ended."""
        recorder.wake(event.session_id)

    return live


def make() -> FastStream:
    """Return the app of this actor."""
    broker = make_broker(PERSISTENCE)
    tapes = tapes_of(broker)
    records = Records(LiveLog(broker, tapes), tapes, embedder_of(settings()))

    async def facts_of(session_id: str) -> list[Event]:
        return [fact.event for fact in await facts_after(broker, session_id)]

    presence = PresenceBoard(lambda: connection(broker), facts_of)
    measured = MeasuredSessions()
    figures = LogFigures(broker, settings().data_dir)

    async def note(event: Event) -> None:
        await presence.take(event)
        measured.count(event, now_ns())

    recorder = Recorder(broker)
    inbox = take_events(Inbox(broker, PERSISTENCE, tapes=tapes), records, note)
    recordings = take_recordings(broker, recorder)
    live = listen(broker, recorder)

    @asynccontextmanager
    async def life() -> AsyncIterator[None]:
        async with figures.measured(), recorder.lifespan(), live, recordings:
            try:
                async with inbox:
                    yield
            finally:
                await recorder.flush()

    return make_app(PERSISTENCE, broker, life)
