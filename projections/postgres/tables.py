"""Writes to the tables: a batch of the log's facts and the checkpoint, in one transaction."""

import struct
import sys
from array import array
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple, cast

from psycopg.adapt import Dumper
from psycopg.pq import Format

from projections.positions import Positions
from projections.postgres.fold import (
    Closing,
    ConversationRow,
    Erasure,
    EventRow,
    Folded,
    Opening,
    Recording,
    SummaryRow,
    skeleton_changes,
    skeleton_row,
)
from projections.postgres.schema import PROJECTION, Connection

MAX_INDEXED_DIMENSIONS = 2000
"""The most dimensions for pgvector's HNSW index; longer vectors are compared one by one."""
MAX_COVERED_DIMENSIONS = 300
"""The most dimensions that fit into a B-tree's row beside the longest user id and model name."""
NEAREST_INDEX = "conversations_embedding ON conversations USING hnsw (embedding vector_cosine_ops)"
# Keeps the vectors of one user side by side: in the table each is on a page of its own.
MEMORY_INDEX = (
    "conversations_memory ON conversations (user_id, recorded_at) INCLUDE (sequence, embedding_model, embedding) "
    "WHERE embedding IS NOT NULL AND octet_length(embedding_model) <= 200"
)


BOUND = "(%s::bigint[])[sequence %% %s + 1]"
"""The place of a row's own partition among `places`; the parameters are these, and the number of partitions."""


class Space(NamedTuple):
    """The embeddings of a table: their dimensions, their model, and after where in the log they begin."""

    dimensions: int
    model: str
    after: Positions


def fits_no_space(new: Space, space: Space) -> bool:
    """Return whether an embedding has another length than its model's: then it is damaged, not a change of model."""
    return new.dimensions != space.dimensions and new.model == space.model


class ProjectionPosition(NamedTuple):
    """How far the tables are."""

    positions: Positions
    space: Space | None


class Vector(bytes):
    """An embedding on its way to Postgres."""


class VectorDumper(Dumper):
    """Sends an embedding in pgvector's binary form: text would cost more than all else of a fact."""

    format = Format.BINARY

    def dump(self, obj: Vector) -> bytes:
        """Return the dimensions, a zero, and the numbers in network order."""
        numbers = array("f", obj)
        if sys.byteorder == "little":
            numbers.byteswap()
        return struct.pack("!HH", len(numbers), 0) + numbers.tobytes()


class Moved(RuntimeError):
    """The checkpoint is not where this writer left it: another has written, or the tables were swapped."""


async def place_of(conn: Connection, partitions: int, lock: bool = False) -> ProjectionPosition:
    """Return how far the tables are; with `lock`, nobody else can change that until the transaction ends.

    Tables without a fact are at the beginning of a log of so many `partitions`.
    """
    query = """
        SELECT c.sequences, s.dimensions, s.model, s.after_sequences
        FROM checkpoints c LEFT JOIN embedding_space s ON true WHERE c.projection = %s
    """
    row = await (await conn.execute(query + (" FOR UPDATE OF c" if lock else ""), [PROJECTION])).fetchone()
    positions = Positions(row[0]) if row is not None and any(row[0]) else Positions.start(partitions)
    space = Space(row[1], row[2], Positions(row[3])) if row is not None and row[1] is not None else None
    return ProjectionPosition(positions, space)


async def write(
    conn: Connection,
    facts: Sequence[Folded],
    before: ProjectionPosition,
    after: ProjectionPosition,
    sound: Mapping[int, bytes | None],
) -> None:
    """Write facts to the tables, which are at `before`, so that they are at `after`: all of it or nothing.

    `sound` has the bytes of recordings by sequence. Raises Moved, psycopg.Error.
    """
    async with conn.transaction():
        if await place_of(conn, len(before.positions), lock=True) != before:
            raise Moved("the tables have been moved on or swapped")
        if after.space is not None and after.space != before.space:
            await _set_space(conn, after.space)
        for erasing, group in groupby(facts, key=_erases):
            part = list(group)
            await _copy_events(conn, [fact.row for fact in part])
            changes = [change for fact in part for change in fact.changes]
            if erasing:
                for change in changes:
                    if isinstance(change, Erasure):
                        await _erase(conn, change)
            elif changes:
                await _write_changes(conn, changes, sound)
        await conn.execute(
            "UPDATE checkpoints SET sequence = %s, sequences = %s, updated_at = now() WHERE projection = %s",
            [after.positions.total, list(after.positions), PROJECTION],
        )


def _erases(fact: Folded) -> bool:
    return any(isinstance(change, Erasure) for change in fact.changes)


async def _copy_events(conn: Connection, rows: Sequence[EventRow]) -> None:
    columns = ", ".join(EventRow._fields)
    async with conn.cursor() as cursor:
        statement = f"COPY events ({columns}) FROM STDIN"
        async with cursor.copy(statement) as copy:
            for row in rows:
                await copy.write_row(row)


_OPEN = """
    INSERT INTO sessions (session_id, user_id, door, opened_at, profile, sequence) VALUES (%s, %s, %s, %s, %s, %s)
    ON CONFLICT (session_id) DO UPDATE SET user_id = EXCLUDED.user_id, door = EXCLUDED.door,
        opened_at = EXCLUDED.opened_at, profile = EXCLUDED.profile, sequence = EXCLUDED.sequence
"""
_CLOSE = """
    INSERT INTO sessions (session_id, closed_at, close_reason) VALUES (%s, %s, %s)
    ON CONFLICT (session_id) DO UPDATE SET closed_at = EXCLUDED.closed_at, close_reason = EXCLUDED.close_reason
"""


def _insert(table: str, columns: Sequence[str]) -> str:
    """Return an INSERT in which the first of two facts about the same thing counts."""
    values = ", ".join(["%s"] * len(columns))
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({values}) ON CONFLICT DO NOTHING"


async def _write_changes(conn: Connection, changes: Iterable[object], sound: Mapping[int, bytes | None]) -> None:
    by_kind: dict[type, list[tuple[object, ...]]] = {}
    for change in changes:
        values = cast(tuple[object, ...], change)
        if isinstance(change, Recording):
            values = (*change, sound.get(change.sequence))
        elif isinstance(change, ConversationRow) and change.embedding is not None:
            values = change._replace(embedding=cast(bytes, Vector(change.embedding)))
        by_kind.setdefault(type(change), []).append(values)
    statements: dict[type, str] = {
        Opening: _OPEN + " WHERE sessions.sequence IS NULL",
        Closing: _CLOSE + " WHERE sessions.closed_at IS NULL",
        ConversationRow: _insert("conversations", ConversationRow._fields),
        SummaryRow: _insert("summaries", SummaryRow._fields),
        Recording: _insert("recordings", (*Recording._fields, "data")),
    }
    async with conn.cursor() as cursor:
        cursor.adapters.register_dumper(Vector, VectorDumper)
        for kind, rows in by_kind.items():
            await cursor.executemany(statements[kind], rows)


async def _erase(conn: Connection, erasure: Erasure) -> None:
    """Reduce a session to what a rebuild from the erased log would write."""
    session_id, sequence = erasure.session_id, erasure.sequence
    for table in ("conversations", "summaries", "recordings"):
        statement = f"DELETE FROM {table} WHERE session_id = %s AND sequence < %s"
        await conn.execute(statement, [session_id, sequence])
    rows = [skeleton_row(session_id, fact) for fact in erasure.skeleton if fact.sequence < sequence]
    await conn.execute(
        "DELETE FROM events WHERE session_id = %s AND sequence = ANY(%s)", [session_id, [row.sequence for row in rows]]
    )
    async with conn.cursor() as cursor:
        await cursor.executemany(_insert("events", EventRow._fields), rows)
        for change in skeleton_changes(erasure):
            await cursor.execute(_OPEN if isinstance(change, Opening) else _CLOSE, change)
    await conn.execute(
        "INSERT INTO sessions (session_id, erased_at) VALUES (%s, %s) "
        "ON CONFLICT (session_id) DO UPDATE SET erased_at = EXCLUDED.erased_at",
        [session_id, erasure.erased_at],
    )


async def _set_space(conn: Connection, space: Space) -> None:
    """Set the dimension of the embeddings; existing ones of another dimension are dropped."""
    await conn.execute("DROP INDEX IF EXISTS conversations_embedding, conversations_memory")
    await conn.execute(f"ALTER TABLE conversations ALTER COLUMN embedding TYPE vector({space.dimensions}) USING NULL")
    await conn.execute("DELETE FROM embedding_space")
    values = [space.dimensions, space.model, list(space.after)]
    await conn.execute("INSERT INTO embedding_space (dimensions, model, after_sequences) VALUES (%s, %s, %s)", values)


async def make_index(conn: Connection, space: Space) -> None:
    """Create the indexes for similar turns if missing: once the tables have caught up, which is faster."""
    async with conn.transaction():
        await conn.execute("SET LOCAL statement_timeout TO 0")
        await conn.execute("SET LOCAL maintenance_work_mem TO '512MB'")
        if space.dimensions <= MAX_INDEXED_DIMENSIONS:
            await conn.execute(f"CREATE INDEX IF NOT EXISTS {NEAREST_INDEX}")
        if space.dimensions <= MAX_COVERED_DIMENSIONS:
            await conn.execute(f"CREATE INDEX IF NOT EXISTS {MEMORY_INDEX}")
