"""Persistence: receives every fact of the log, and appends a record of each exchange whose playback has ended.

The recorder stores the sound separately.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from faststream import FastStream
from faststream.nats import NatsBroker

from actors.persistence.embedding import embedded, embedding_failed
from actors.persistence.record import record_of
from actors.persistence.recording.recorder import Recorder
from actors.persistence.sessions import Sessions
from contracts.events import (
    Event,
    PlaybackFinished,
    PlaybackInterrupted,
    PlaybackStarted,
    SessionClosed,
    SessionErased,
    SessionOpened,
    SpeechStarted,
)
from contracts.topology import PERSISTENCE, RECORDER
from infra.engines.embedding import Embedder, EmbeddingFailed, embedder_of
from infra.log.broker import make_app, make_broker
from infra.log.connection import connection
from infra.log.event_log import append, facts_after, now_ns
from infra.log.inbox import Inbox, Job
from infra.log.live_events import LiveEvents
from infra.log.tapes import tapes_of
from infra.memory.presence import PresenceBoard
from infra.settings import settings


async def record(
    broker: NatsBroker,
    sessions: Sessions,
    played: PlaybackFinished | PlaybackInterrupted,
    embedder: Embedder | None = None,
) -> None:
    """Append the record of an exchange whose playback has ended, unless the log has it.

    If no embedding can be computed, that is appended and the exchange is recorded without one.
    """
    turn = record_of(await sessions.at(played), played, now_ns())
    if turn is None:
        return
    try:
        turn = await embedded(turn, embedder)
    except EmbeddingFailed as error:
        await append(broker, embedding_failed(turn, embedder, error))
    await append(broker, turn)


def take_events(broker: NatsBroker, sessions: Sessions, embedder: Embedder | None, presence: PresenceBoard) -> Inbox:
    """Return the inbox of all facts."""
    inbox = Inbox(broker, PERSISTENCE, tapes=tapes_of(broker))

    @inbox.on(PlaybackFinished, PlaybackInterrupted)
    async def playback_ended(event: PlaybackFinished | PlaybackInterrupted) -> None:
        """Record the exchange, with what was heard of the reply."""
        await record(broker, sessions, event, embedder)

    @inbox.on(SessionClosed, SessionErased)
    async def session_over(event: SessionClosed | SessionErased) -> None:
        """Drop what is held of the session."""
        sessions.forget(event.session_id)

    @inbox.on_everything
    async def anything(event: Event) -> None:
        """Keep the bucket of who is in which session up to date."""
        await presence.take(event)

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
    embedder = embedder_of(settings())
    sessions = Sessions(broker)

    async def facts_of(session_id: str) -> list[Event]:
        return [fact.event for fact in await facts_after(broker, session_id)]

    presence = PresenceBoard(lambda: connection(broker), facts_of)
    recorder = Recorder(broker)
    inbox = take_events(broker, sessions, embedder, presence)
    recordings = take_recordings(broker, recorder)
    live = listen(broker, recorder)

    @asynccontextmanager
    async def life() -> AsyncIterator[None]:
        async with recorder.lifespan(), live, recordings:
            try:
                async with inbox:
                    yield
            finally:
                await recorder.flush()

    return make_app(PERSISTENCE, broker, life)
