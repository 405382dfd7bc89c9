"""The projection as a process: follows the log, and answers how it is."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from faststream import FastStream

from infra.cannot_run import CannotRun
from infra.log.broker import make_app, make_broker
from infra.log.connection import connection
from infra.process.tasks import ended
from infra.settings import settings
from projections.pulsar.projector import NAME, PulsarProjector
from projections.status import answer_status, end_process


class PulsarNotSet(CannotRun, ValueError):
    """The settings name no Pulsar to write to."""

    exit_code = 2


def make() -> FastStream:
    """Return the app of this projection. Raises PulsarNotSet."""
    if not settings().pulsar_url:
        raise PulsarNotSet("set DAREDEVIL_PULSAR_URL to a Pulsar broker (`make pulsar` starts one): pulsar://host:6650")
    broker = make_broker(NAME)
    projector = PulsarProjector(broker, settings())

    @asynccontextmanager
    async def life() -> AsyncIterator[None]:
        await answer_status(connection(broker), NAME, projector.status)
        work = asyncio.create_task(projector.run(), name=NAME)
        work.add_done_callback(end_process)
        try:
            yield
        finally:
            work.remove_done_callback(end_process)
            await ended(work)

    return make_app(NAME, broker, life)
