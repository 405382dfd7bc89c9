"""Persistence: takes every fact of the log, and says one record for each exchange whose playback has ended."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from faststream import FastStream
from faststream.nats import NatsBroker

from actors.persistence.record import record_of
from contracts.events import Event, PlaybackFinished, PlaybackInterrupted
from contracts.topology import PERSISTENCE
from infra.broker import make_app, make_broker
from infra.facts import facts_after, now_ns, say
from infra.inbox import Inbox


async def keep(broker: NatsBroker, event: Event) -> None:
    """Record the exchange if this fact ends one; other facts cost nothing."""
    if not isinstance(event, PlaybackFinished | PlaybackInterrupted):
        return
    facts = [fact.event for fact in await facts_after(broker, event.session_id)]
    record = record_of(facts, event, now_ns())
    if record is not None:
        await say(broker, record)


def make() -> FastStream:
    """Return the app of this actor."""
    broker = make_broker(PERSISTENCE)

    async def handle(event: Event) -> None:
        await keep(broker, event)

    inbox = Inbox(broker, PERSISTENCE, handle)

    @asynccontextmanager
    async def life() -> AsyncIterator[None]:
        await inbox.open()
        try:
            yield
        finally:
            await inbox.close()

    return make_app(PERSISTENCE, broker, life)
