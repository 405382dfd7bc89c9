"""The process of a projection: connected to the log like an actor, but no actor waits for it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from faststream import FastStream
from nats.aio.client import Client

from infra.log.broker import make_app, make_broker
from infra.log.connection import connection
from infra.process.tasks import ended
from projections.projector import Projector
from projections.status import answer_status, end_process


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
            yield
        finally:
            work.remove_done_callback(end_process)
            await ended(work)

    return make_app(process, broker, life)
