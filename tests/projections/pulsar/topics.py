"""The topics as a reader sees them, and the projection as a process that can be killed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from faststream.nats import NatsBroker

from infra.log.connection import connection
from infra.settings import Settings
from projections.pulsar.comparison import Kept
from projections.pulsar.projector import PulsarProjector
from projections.pulsar.topics import connect
from projections.pulsar.verify import kept_messages
from projections.status import log_end


async def read_topic(settings: Settings, topic: str) -> list[Kept]:
    client = connect(settings)
    try:
        return [kept async for kept in kept_messages(client, topic)]
    finally:
        await asyncio.to_thread(client.shutdown)


@asynccontextmanager
async def projecting(broker: NatsBroker, settings: Settings) -> AsyncIterator[PulsarProjector]:
    """Run a projection in this process for the length of a block."""
    projector = PulsarProjector(connection(broker), settings)
    task = asyncio.create_task(projector.run())
    try:
        yield projector
    finally:
        task.cancel()
        await asyncio.wait([task])


async def caught_up(broker: NatsBroker, projector: PulsarProjector, within_s: float = 60) -> None:
    """Wait until it has all that is in the log now."""
    end = await log_end(connection(broker))
    try:
        async with asyncio.timeout(within_s):
            while projector.status().position < end:
                assert projector.status().state != "stopped", projector.status().reason
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"not at {end} within {within_s} s: {projector.status()}") from None
