"""A real Postgres with the projection's tables, and past turns in them."""

from collections.abc import AsyncIterator

import pytest
from psycopg import AsyncConnection

from projections.postgres.schema import connect, prepare
from tests.infra.memory.past import Past


@pytest.fixture
async def past(database: str) -> AsyncIterator[Past]:
    """Past turns, none at first."""
    connection: AsyncConnection[tuple[object, ...]] = await connect(database)
    try:
        await prepare(connection, database)
        yield Past(connection, database)
    finally:
        await connection.close()
