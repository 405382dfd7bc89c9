"""Persistence: takes every fact of the log, and says one record for each exchange whose playback has ended.

The sound is kept beside it by the recorder.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from faststream import FastStream
from faststream.nats import NatsBroker

from actors.persistence.embedding import embedded, embedding_failed
from actors.persistence.record import record_of
from actors.persistence.recording.recorder import Recorder
from actors.persistence.sessions import Sessions
from contracts.events import Event, PlaybackFinished, PlaybackInterrupted, SessionClosed, SessionErased
from contracts.topology import PERSISTENCE
from infra.engines.embedding import Embedder, EmbeddingFailed, embedder_of
from infra.log.broker import make_app, make_broker
from infra.log.connection import connection
from infra.log.event_log import append, facts_after, now_ns
from infra.log.inbox import Inbox
from infra.memory.presence import PresenceBoard
from infra.settings import settings


async def keep(broker: NatsBroker, sessions: Sessions, event: Event, embedder: Embedder | None = None) -> None:
    """Record the exchange if this fact ends one; other facts cost nothing.

    An embedding that cannot be made is told, and the exchange is recorded without.
    """
    if isinstance(event, SessionClosed | SessionErased):
        sessions.forget(event.session_id)
    if not isinstance(event, PlaybackFinished | PlaybackInterrupted):
        return
    record = record_of(await sessions.at(event), event, now_ns())
    if record is None:
        return
    try:
        record = await embedded(record, embedder)
    except EmbeddingFailed as error:
        await append(broker, embedding_failed(record, embedder, error))
    await append(broker, record)


def make() -> FastStream:
    """Return the app of this actor."""
    broker = make_broker(PERSISTENCE)
    embedder = embedder_of(settings())
    sessions = Sessions(broker)

    async def facts_of(session_id: str) -> list[Event]:
        return [fact.event for fact in await facts_after(broker, session_id)]

    presence = PresenceBoard(lambda: connection(broker), facts_of)

    async def handle(event: Event) -> None:
        await keep(broker, sessions, event, embedder)
        await presence.take(event)

    inbox = Inbox(broker, PERSISTENCE, handle)
    recorder = Recorder(broker)

    @asynccontextmanager
    async def life() -> AsyncIterator[None]:
        async with recorder.lifespan():
            await inbox.open()
            try:
                yield
            finally:
                await inbox.close()

    return make_app(PERSISTENCE, broker, life)
