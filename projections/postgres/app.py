"""The app of the projection: connected to the log as every actor is, but no actor waits for it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from faststream import FastStream

from infra.cannot_run import CannotRun
from infra.log.broker import make_app, make_broker
from infra.log.connection import connection
from infra.postgres_url import running_url
from infra.process.tasks import ended
from infra.settings import settings
from projections.postgres.dead import NAME
from projections.postgres.projector import PostgresProjector
from projections.status import answer_status, end_process


class NoPostgres(CannotRun, ValueError):
    """The settings say that there is no Postgres to project to."""

    exit_code = 2


def make() -> FastStream:
    """Return the app. Raises NoPostgres."""
    url = running_url(settings())
    if not url:
        raise NoPostgres("DAREDEVIL_POSTGRES_URL is `off`: name a database, or do not run this projection")
    broker = make_broker(NAME)

    @asynccontextmanager
    async def life() -> AsyncIterator[None]:
        nc = connection(broker)
        projector = PostgresProjector(nc, url)
        await answer_status(nc, NAME, projector.status)
        work = asyncio.create_task(projector.run(), name=NAME)
        work.add_done_callback(end_process)
        try:
            yield
        finally:
            work.remove_done_callback(end_process)
            await ended(work)

    return make_app(NAME, broker, life)
