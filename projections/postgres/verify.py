"""Compares the log with the tables, event by event."""

from collections.abc import Iterable, Mapping
from typing import Any

from nats.aio.client import Client
from psycopg import AsyncConnection
from psycopg.rows import TupleRow, dict_row

from contracts.tables import SCHEMA
from contracts.topology import VOICE
from infra.log.stream_reader import read_batch
from projections.known_events import FromTheFuture
from projections.log_reader import BATCH_BYTES, BATCH_MESSAGES, TIMEOUT_S
from projections.postgres.compare import KEYS, Expected, differing, digest, plain_event
from projections.postgres.dead_letters import dead_letter_sequences
from projections.postgres.fold import (
    Erasure,
    EventRow,
    Folded,
    Recording,
    fold,
    skeleton_row,
)
from projections.postgres.schema import HEAD, connect, version_of
from projections.postgres.sound import sound_from
from projections.postgres.tables import ProjectionPosition, place_of

MAX_DIFFERENCES = 1000
ROWS = 2000
EVENTS = f"SELECT {', '.join(EventRow._fields)} FROM events"


async def verify(url: str, nc: Client, schema: str = SCHEMA) -> list[str]:
    """Return each difference between the log and the tables as one line; empty if they agree.

    The tables are read as of one moment, the log up to there. What retention has dropped from the log is
    left out. Raises psycopg.Error, nats errors.
    """
    conn = await connect(url, schema)
    try:
        if await version_of(conn, schema) != HEAD:
            return [f"there are no tables of this program in schema {schema}: start the projection first"]
        await conn.execute("SET statement_timeout TO 0")
        await conn.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        return await _Check(conn, nc, await place_of(conn)).run()
    finally:
        await conn.close()


class _Check:
    def __init__(self, conn: AsyncConnection[TupleRow], nc: Client, place: ProjectionPosition) -> None:
        self._conn = conn
        self._nc = nc
        self._place = place
        self._expected = Expected(place.space)
        self._unlike: dict[int, str] = {}
        self._sounds: dict[str, str] = {}
        self._dead: set[int] = set()
        self.differences: list[str] = []

    async def run(self) -> list[str]:
        """Compare everything except what is in the dead letters."""
        self._dead = await dead_letter_sequences(self._nc)
        after = first = 0
        while after < self._place.sequence and len(self.differences) < MAX_DIFFERENCES:
            batch = await read_batch(self._nc, VOICE, ">", after + 1, BATCH_MESSAGES, BATCH_BYTES, TIMEOUT_S)
            messages = [message for message in batch.messages if message.sequence <= self._place.sequence]
            if not messages:
                break
            first = first or messages[0].sequence
            last = messages[-1].sequence
            facts = self._folded(message for message in messages if message.sequence not in self._dead)
            await self._events(facts, (after if after else first - 1) + 1, last)
            after = last
        await self._events([], after + 1, self._place.sequence)
        self.differences += [f"events: {sequence} {what}" for sequence, what in sorted(self._unlike.items())]
        for table in KEYS:
            await self._table(table, first)
        await self._recordings()
        return self.differences[:MAX_DIFFERENCES]

    def _folded(self, messages: Iterable[Any]) -> list[Folded]:
        facts = []
        for message in messages:
            try:
                facts.append(fold(message))
            except FromTheFuture as error:
                self.differences.append(str(error))
        return facts

    async def _events(self, facts: list[Folded], first: int, last: int) -> None:
        """Compare the rows of `events` from `first` to `last` with the log."""
        expected = {fact.row.sequence: fact.row for fact in facts}
        rows = await self._rows(f"{EVENTS} WHERE sequence BETWEEN %s AND %s", [first, last])
        found = {row["sequence"]: row for row in rows}
        for sequence in expected.keys() | found.keys():
            if sequence not in found:
                self._unlike[sequence] = "missing"
            elif sequence not in expected:
                self._unlike[sequence] = "not in the log"
            elif plain_event(expected[sequence]) != plain_event(found[sequence]):
                self._unlike[sequence] = "different"
        for fact in facts:
            for change in fact.changes:
                self._expected.take(change)
                if isinstance(change, Recording):
                    self._sounds[change.recording_id] = change.session_id
                if isinstance(change, Erasure):
                    await self._erasure(change)

    async def _erasure(self, erasure: Erasure) -> None:
        """Compare the rows that an erasure leaves; earlier differences may be exactly these."""
        left: dict[int, EventRow] = {}
        for fact in erasure.skeleton:
            if fact.sequence < erasure.sequence:
                left.setdefault(fact.sequence, skeleton_row(erasure.session_id, fact))
        rows = await self._rows(f"{EVENTS} WHERE sequence = ANY(%s)", [list(left)])
        found = {row["sequence"]: row for row in rows}
        for sequence, row in left.items():
            if sequence in found and found[sequence]["session_id"] != erasure.session_id:
                continue  # a skeleton that names another session's fact erases nothing there
            self._unlike.pop(sequence, None)
            if sequence not in found:
                self._unlike[sequence] = "missing, of an erased session"
            elif plain_event(row) != plain_event(found[sequence]):
                self._unlike[sequence] = "not erased"

    async def _table(self, table: str, first: int) -> None:
        """Compare a table; rows of facts that are older than the log are left out."""
        columns = ", ".join(Recording._fields) if table == "recordings" else "*"
        whole = "sequence >= %s" if first > 1 else "coalesce(sequence, 1) >= %s"
        key, found = KEYS[table], {}
        async with self._conn.cursor(f"verify_{table}", row_factory=dict_row) as cursor:
            cursor.itersize = ROWS
            await cursor.execute(f"SELECT {columns} FROM {table} WHERE {whole}", [first])
            async for row in cursor:
                found[row[key]] = digest(row)
        for what, row_key in differing(self._expected.rows(table, first), found):
            self.differences.append(f"{table}: {row_key} {what}")

    async def _recordings(self) -> None:
        """Compare the sound of recordings with the stream of recordings, as far as it still has them."""
        sound = sound_from(self._nc)
        for recording_id, session_id in self._sounds.items():
            kept = await self._rows("SELECT data FROM recordings WHERE recording_id = %s", [recording_id])
            said = await sound(session_id) if kept else None
            if kept and said is not None and kept[0]["data"] != said:
                self.differences.append(f"recordings: the sound of {recording_id} is different")

    async def _rows(self, query: str, parameters: list[object]) -> list[Mapping[str, Any]]:
        async with self._conn.cursor(row_factory=dict_row) as cursor:
            return list(await (await cursor.execute(query, parameters)).fetchall())
