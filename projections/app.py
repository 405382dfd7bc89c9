"""The process of a projection: connected to the log like an actor, but no actor waits for it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

from faststream import FastStream
from nats.aio.client import Client

from infra.log.broker import make_app, make_broker
from infra.log.connection import connection
from infra.metrics.metric import Observed
from infra.metrics.table import PROJECTION_POSITION, PROJECTION_READY
from infra.process.tasks import ended
from projections.projector import Projector
from projections.status import Status, answer_status, end_process

AT_WORK = ("live", "catching up", "standby")


@contextmanager
def measured(process: str, status: Callable[[], Status]) -> Iterator[None]:
    """Measure how far a projection is within a block; only the copy that is at work knows it."""
    name = process.removeprefix("projection-")

    def position() -> Observed:
        return [] if status().state == "standby" else [(status().position, (name,))]

    def ready() -> Observed:
        return [(status().state in AT_WORK, (name,))]

    with PROJECTION_POSITION.observed_by(position), PROJECTION_READY.observed_by(ready):
        yield


def projection_app(process: str, make_projector: Callable[[Client], Projector]) -> FastStream:
    """Return the app of the process of that name: it runs a projector, and answers requests for its status."""
    broker = make_broker(process)

    @asynccontextmanager
    async def life() -> AsyncIterator[None]:
        nc = connection(broker)
        projector = make_projector(nc)
        await answer_status(nc, process, projector.status)
        work = asyncio.create_task(projector.run(), name=process)
        work.add_done_callback(end_process)
        try:
            with measured(process, projector.status):
                yield
        finally:
            work.remove_done_callback(end_process)
            await ended(work)

    return make_app(process, broker, life)
