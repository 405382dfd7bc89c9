"""The projection at work on a database of its own, and its tables."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from faststream.nats import NatsBroker

from infra.log.connection import connection
from projections.postgres.projector import PostgresProjector
from tests.projections.postgres.tables import Tables


@pytest.fixture
async def projector(broker: NatsBroker, database: str) -> AsyncIterator[PostgresProjector]:
    """A projection at work."""
    projector = PostgresProjector(connection(broker), database)
    task = asyncio.create_task(projector.run())
    yield projector
    assert not task.done(), task.exception()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def tables(database: str) -> AsyncIterator[Tables]:
    """The tables, to be looked at."""
    async with Tables.of(database) as tables:
        yield tables
