"""Looking at the tables from outside."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import dict_row

TABLES = ("events", "sessions", "conversations", "summaries", "recordings", "embedding_space")
Row = dict[str, Any]


class Tables:
    """Reads the tables of schema `agents` on a connection of its own."""

    def __init__(self, conn: AsyncConnection[Row]) -> None:
        self._conn = conn

    @classmethod
    @asynccontextmanager
    async def of(cls, url: str) -> "AsyncIterator[Tables]":
        conn = await AsyncConnection.connect(url, autocommit=True, row_factory=dict_row)
        try:
            yield cls(conn)
        finally:
            await conn.close()

    async def rows(self, query: str) -> list[Row]:
        """The result of a query; none while there are no tables."""
        try:
            return await (await self._conn.execute(query.encode())).fetchall()
        except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
            return []

    async def run(self, statement: str) -> None:
        await self._conn.execute(statement.encode())

    async def all(self, table: str, schema: str = "agents") -> list[Row]:
        """All rows of a table, in a fixed order."""
        rows = await self.rows(f"SELECT * FROM {schema}.{table}")
        return sorted(rows, key=lambda row: (row.get("sequence") or 0, str(row)))

    async def everything(self, schema: str = "agents") -> dict[str, list[Row]]:
        """The contents of all tables."""
        return {table: await self.all(table, schema) for table in TABLES}

    async def position(self) -> int:
        rows = await self.rows("SELECT sequence FROM agents.checkpoints")
        return rows[0]["sequence"] if rows else 0

    async def reach(self, sequence: int, within_s: float = 40) -> None:
        """Wait until the tables are at a sequence of the log."""
        async with asyncio.timeout(within_s):
            while await self.position() < sequence:  # noqa: ASYNC110 (another process writes)
                await asyncio.sleep(0.01)
