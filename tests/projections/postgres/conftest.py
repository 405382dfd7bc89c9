"""A real Postgres, a database of its own for each test, and the projection on it."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator

import pytest
from faststream.nats import NatsBroker

from infra.log.connection import connection
from projections.postgres.projector import PostgresProjector
from tests.postgres_server import PostgresServer, running_postgres
from tests.projections.postgres.tables import Tables


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    with running_postgres() as server:
        yield server


@pytest.fixture
def database(postgres_server: PostgresServer) -> Iterator[str]:
    """The address of an empty database."""
    name = f"test_{secrets.token_hex(6)}"
    yield postgres_server.new_database(name)
    postgres_server.drop_database(name)


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
