"""Compares the log with the tables, event by event."""

from collections.abc import Iterable, Mapping
from typing import Any

from nats.aio.client import Client
from psycopg import AsyncConnection
from psycopg.rows import TupleRow, dict_row

from contracts.tables import SCHEMA
from infra.log.log_streams import streams_of_log
from projections.known_events import FromTheFuture
from projections.log_reader import read_placed
from projections.positions import Positions
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
from projections.postgres.tables import BOUND, ProjectionPosition, place_of

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
        log = await streams_of_log(nc)
        return await _Check(conn, nc, await place_of(conn, log.partitions), log.names).run()
    finally:
        await conn.close()


class _Check:
    def __init__(
        self, conn: AsyncConnection[TupleRow], nc: Client, place: ProjectionPosition, names: tuple[str, ...]
    ) -> None:
        self._conn = conn
        self._nc = nc
        self._place = place
        self._names = names
        self._expected = Expected(place.space)
        self._unlike: dict[int, str] = {}
        self._sounds: dict[str, str] = {}
        self._dead: set[int] = set()
        self.differences: list[str] = []

    async def run(self) -> list[str]:
        """Compare everything except what is in the dead letters."""
        if len(self._place.positions) != len(self._names):
            count = len(self._place.positions)
            return [f"the tables are of a log with {count} partitions, this one has {len(self._names)}"]
        self._dead = await dead_letter_sequences(self._nc)
        gone = Positions([await self._partition(number) for number in range(len(self._names))])
        self.differences += [f"events: {sequence} {what}" for sequence, what in sorted(self._unlike.items())]
        for table in KEYS:
            await self._table(table, gone)
        await self._recordings()
        return self.differences[:MAX_DIFFERENCES]

    async def _partition(self, number: int) -> int:
        """Compare the rows of `events` that are of one partition; return the last sequence that it has dropped."""
        after = gone = 0
        until = self._place.positions[number]
        while after < until and len(self.differences) < MAX_DIFFERENCES:
            batch = await read_placed(self._nc, self._names, number, after + 1)
            messages = [message for message in batch.messages if self._place.positions.has(message.sequence)]
            if not messages:
                break
            if not after:
                after = gone = messages[0].sequence // len(self._names) - 1
            last = messages[-1].sequence // len(self._names)
            facts = self._folded(message for message in messages if message.sequence not in self._dead)
            await self._events(facts, number, after + 1, last)
            after = last
        await self._events([], number, after + 1, until)
        return gone

    def _folded(self, messages: Iterable[Any]) -> list[Folded]:
        facts = []
        for message in messages:
            try:
                facts.append(fold(message, len(self._names)))
            except FromTheFuture as error:
                self.differences.append(str(error))
        return facts

    async def _events(self, facts: list[Folded], number: int, first: int, last: int) -> None:
        """Compare the rows of `events` from sequence `first` to `last` of a partition with the log."""
        expected = {fact.row.sequence: fact.row for fact in facts}
        count = len(self._names)
        places: list[object] = [first * count + number, last * count + number, count, number]
        rows = await self._rows(f"{EVENTS} WHERE sequence BETWEEN %s AND %s AND sequence %% %s = %s", places)
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

    async def _table(self, table: str, gone: Positions) -> None:
        """Compare a table; rows of facts that are older than the log are left out."""
        columns = ", ".join(Recording._fields) if table == "recordings" else "*"
        key, found = KEYS[table], {}
        async with self._conn.cursor(f"verify_{table}", row_factory=dict_row) as cursor:
            cursor.itersize = ROWS
            if any(gone):
                bounds = [gone.places(), len(gone)]
                await cursor.execute(f"SELECT {columns} FROM {table} WHERE sequence > {BOUND}", bounds)
            else:
                await cursor.execute(f"SELECT {columns} FROM {table}")
            async for row in cursor:
                found[row[key]] = digest(row)
        for what, row_key in differing(self._expected.rows(table, gone), found):
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
