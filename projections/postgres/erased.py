"""Checks whether the tables have applied an erasure."""

from collections.abc import Sequence

from psycopg import AsyncConnection, sql

from contracts.tables import SCHEMA, SESSIONS, WITH_WORDS


async def unerased(url: str, session_ids: Sequence[str]) -> str:
    """Return what the tables still have of erased sessions, as a text; empty once nothing. Raises psycopg.Error."""
    async with await AsyncConnection.connect(url, autocommit=True) as connection:
        done = await _count(connection, SESSIONS, session_ids, " AND erased_at IS NOT NULL")
        if done < len(session_ids):
            return f"{done} of {len(session_ids)} sessions are erased"
        for table in WITH_WORDS:
            if left := await _count(connection, table, session_ids):
                return f"{left} rows of {table} are left"
    return ""


async def _count(connection: AsyncConnection, table: str, session_ids: Sequence[str], also: str = "") -> int:
    query = "SELECT count(*) FROM {} WHERE session_id = ANY(%s)" + also
    statement = sql.SQL(query).format(sql.Identifier(SCHEMA, table))
    row = await (await connection.execute(statement, [list(session_ids)])).fetchone()
    return int(row[0]) if row else 0
