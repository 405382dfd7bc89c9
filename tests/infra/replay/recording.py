"""Sessions recorded for tests of verification: the real reasoning on a real log, with a scripted model."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from faststream.nats import NatsBroker

from actors.reasoning.actor import listen, reasoning_on, take_events
from contracts import events as e
from contracts.topology import REASONING, VOICE
from infra.log.broker import make_broker
from infra.log.connection import connection, jetstream
from infra.log.event_log import append
from infra.log.tapes import tapes_of, tapes_written
from infra.replay.recorded_session import RecordedSession, recorded_session
from infra.replay.session_tapes import SessionTapes, session_tapes
from infra.settings import Settings
from infra.tape.live import LiveTapes
from tests.actors.reasoning.facts import SESSION
from tests.actors.reasoning.models import ScriptedModel
from tests.waiting import until_async

MODEL = "fake:m0"

Recording = tuple[RecordedSession, SessionTapes]


@asynccontextmanager
async def reasoning_at_work(model: ScriptedModel, **settings: Any) -> AsyncIterator[NatsBroker]:
    """Run a copy of reasoning as its app does; its tape is written when it ends."""
    broker = make_broker(REASONING)
    await broker.connect()
    assert isinstance(tapes_of(broker), LiveTapes)
    actor = reasoning_on(broker, tapes_of(broker), Settings(llm=MODEL, **settings), lambda name, config: model)
    inbox, live = take_events(broker, actor), listen(broker, actor)
    await actor.open()
    try:
        async with tapes_written(broker), live, inbox:
            await broker.start()
            yield broker
            await actor.close()
    finally:
        await broker.stop()


async def say(broker: NatsBroker, *events: e.Event) -> None:
    """Append facts of others."""
    for event in events:
        await append(broker, event)


async def has(broker: NatsBroker, event_class: type[e.Event], count: int = 1) -> None:
    """Wait until the session has so many facts of a class."""

    async def enough() -> bool:
        session = await recorded_session(connection(broker), SESSION)
        return sum(isinstance(fact.event, event_class) for fact in session.facts) >= count

    await until_async(enough)


async def _has_taken_all(broker: NatsBroker) -> bool:
    """Return whether reasoning has taken what was appended, and heard that its own facts are stored."""
    durable = await jetstream(broker).consumer_info(VOICE, REASONING)
    return not durable.num_pending and not durable.num_ack_pending


async def recording(broker: NatsBroker) -> Recording:
    """Return the session as it was recorded, once its tape is stored."""

    async def written() -> bool:
        return bool((await session_tapes(connection(broker), SESSION)).stretches)

    await until_async(written)
    return await recorded_session(connection(broker), SESSION), await session_tapes(connection(broker), SESSION)


async def record(
    broker: NatsBroker, model: ScriptedModel, *steps: Sequence[e.Event | tuple[type[e.Event], int]]
) -> Recording:
    """Have reasoning take a session: facts of others are appended; a class and a count are waited for."""
    closed = False
    async with reasoning_at_work(model):
        for step in steps:
            for each in step:
                if isinstance(each, tuple):
                    await has(broker, *each)
                else:
                    await say(broker, each)
                    closed = isinstance(each, e.SessionClosed)
        if closed:
            await until_async(lambda: _has_taken_all(broker), what="reasoning has taken all of the session")
    return await recording(broker)
