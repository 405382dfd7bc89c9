"""Actors in the test's own process, on real NATS."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from faststream import FastStream
from faststream.nats import NatsBroker
from nats.errors import NoRespondersError, TimeoutError

from contracts.events import Event
from infra.log.connection import connection
from infra.log.event_log import history


@asynccontextmanager
async def running(app: FastStream, name: str, broker: NatsBroker) -> AsyncIterator[None]:
    """Run an app from when it answers its health request until the block ends."""
    task = asyncio.create_task(app.run())
    try:
        async with asyncio.timeout(30):
            while not await _healthy(broker, name):
                assert not task.done(), "the app ended by itself"
        yield
    finally:
        app.exit()
        await asyncio.wait_for(task, 20)


async def _healthy(broker: NatsBroker, name: str) -> bool:
    try:
        await connection(broker).request(f"health.{name}", b"", timeout=0.5)
    except (NoRespondersError, TimeoutError):
        await asyncio.sleep(0.02)
        return False
    return True


async def facts_until(
    broker: NatsBroker, session_id: str, enough: Callable[[list[Event]], bool], timeout_s: float = 20
) -> list[Event]:
    """Return a session's facts as soon as there are enough of them; fails with those that there were."""
    facts: list[Event] = []
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                facts = [fact.event async for fact in history(connection(broker), session_id)]
                if enough(facts):
                    return facts
                await asyncio.sleep(0.02)
    except TimeoutError as error:
        raise AssertionError(f"after {timeout_s} s: {[type(fact).__name__ for fact in facts]}") from error
