"""Rebuilds the tables from the log, beside the old ones, and swaps them in one transaction.

Readers never see half of it; the running projection only finds its tables replaced and continues.
"""

import contextlib
import time
from collections.abc import Mapping

import psycopg
from nats.aio.client import Client
from psycopg import sql

from contracts.tables import SCHEMA
from infra.log.log_streams import streams_of_log
from infra.projection import Difference, NotRebuilt, Progress, Rebuilt
from projections.log_reader import read_placed
from projections.positions import Positions
from projections.postgres.compare import KEYS
from projections.postgres.dead_letters import dead_letter_writer, drop_dead_letters, last_dead_letter
from projections.postgres.filling import Filler
from projections.postgres.schema import OLD, REBUILD, Connection, connect, prepare
from projections.postgres.sound import sound_from
from projections.postgres.tables import make_index, place_of
from projections.status import log_ends

NEARLY = 200
"""At most this many facts are read while the running projection waits."""
DROP_ATTEMPTS = 5


async def rebuild(url: str, nc: Client, progress: Progress, drop_lost: bool = False) -> Rebuilt:
    """Rebuild schema `agents` from the log. `drop_lost` drops rows whose facts are no longer in the log.

    Raises NotRebuilt, Stopped, Unusable, psycopg.Error, nats errors; then nothing has changed.
    """
    began_s = time.monotonic()
    async with await connect(url, SCHEMA) as old, await connect(url, REBUILD) as new:
        await _alone(new)
        for left_over in (REBUILD, OLD):
            await _drop(old, left_over)
        try:
            result = await _rebuild(url, old, new, nc, progress, drop_lost)
        except BaseException:
            with contextlib.suppress(psycopg.Error):
                await new.close()
                await _drop(old, REBUILD)
            raise
        await _drop_patiently(new, OLD)
        result.seconds = time.monotonic() - began_s
        return result


async def _rebuild(
    url: str, old: Connection, new: Connection, nc: Client, progress: Progress, drop_lost: bool
) -> Rebuilt:
    await prepare(new, url, REBUILD)
    filler = Filler(new, sound_from(nc), dead_letter_writer(nc), newest_space=True)
    await filler.find_place(len(await log_ends(nc)))
    old_letters = await last_dead_letter(nc)
    result = Rebuilt()
    await _fill(filler, nc, await log_ends(nc), progress)
    if filler.place.space is not None:
        progress("making the index of embeddings", 0, 0)
        await make_index(new, filler.place.space)
    await _fill(filler, nc, await log_ends(nc), progress)
    comparable = await _comparable(old, url, filler.place.positions)
    if comparable:
        await _level(old, filler, nc, progress)
        progress("comparing", 0, 0)
        result.differences = await _compare(new)
        _refuse_loss(result.differences, drop_lost)
    progress("swapping", 0, 0)
    await _swap(old, filler, nc, comparable)
    # What still cannot be stored has become a dead letter again on the way.
    await drop_dead_letters(nc, old_letters)
    result.events, result.errors, result.last_error = filler.place.positions.total, filler.errors, filler.last_error
    return result


async def _comparable(conn: Connection, url: str, positions: Positions) -> bool:
    """Return whether all old tables exist; if somebody dropped some, they are replaced without a comparison.

    So are tables of a log with another number of partitions. Those of an older version are migrated first.
    """
    for table in ("checkpoints", "events", *KEYS):
        row = await (await conn.execute("SELECT to_regclass(%s)", [f"{SCHEMA}.{table}"])).fetchone()
        if row is None or row[0] is None:
            return False
    await prepare(conn, url, SCHEMA)
    return len((await place_of(conn, len(positions))).positions) == len(positions)


async def _alone(conn: Connection) -> None:
    row = await (await conn.execute("SELECT pg_try_advisory_lock(hashtext(%s))", [f"daredevil {REBUILD}"])).fetchone()
    if row is None or not row[0]:
        raise NotRebuilt("another rebuild is running: wait for it, or stop it")


async def _fill(filler: Filler, nc: Client, until: Positions, progress: Progress) -> None:
    """Write the log up to these positions."""
    names = (await streams_of_log(nc)).names
    for number, last in enumerate(until):
        while (after := filler.place.positions[number]) < last:
            batch = await read_placed(nc, names, number, after + 1)
            messages = [message for message in batch.messages if until.has(message.sequence)]
            if not messages:
                break
            await filler.keep(messages)
            progress("building", filler.place.positions.total, until.total)


async def _level(old: Connection, filler: Filler, nc: Client, progress: Progress) -> None:
    """Bring the new tables to where the old ones are; the old ones' lead is small but keeps growing."""
    while not filler.place.positions.covers(until := await _positions(old, filler)):
        lead = until.total - filler.place.positions.total
        await _fill(filler, nc, until, progress)
        if lead <= NEARLY:
            return


async def _positions(old: Connection, filler: Filler) -> Positions:
    return (await place_of(old, len(filler.place.positions))).positions


async def _compare(conn: Connection) -> dict[str, Difference]:
    """Compare the rows of the same facts in both, in one snapshot."""
    async with conn.transaction():
        await conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        await conn.execute("SET LOCAL statement_timeout TO 0")
        positions = [await _position(conn, schema) for schema in (SCHEMA, REBUILD)]
        until = Positions(map(min, *positions))
        return {
            table: await _compare_table(conn, table, key, until)
            for table, key in {"events": "sequence", **KEYS}.items()
        }


async def _position(conn: Connection, schema: str) -> Positions:
    query = sql.SQL("SELECT sequences FROM {}").format(sql.Identifier(schema, "checkpoints"))
    row = await (await conn.execute(query)).fetchone()
    return Positions(row[0] if row else ())


async def _compare_table(conn: Connection, table: str, key: str, until: Positions) -> Difference:
    # A session's row changes with later facts: of the newest rows only the opening is the same in both.
    columns = {"sessions": "ROW(session_id, user_id, door, opened_at, profile, sequence)"}.get(table, "t")
    side = sql.SQL("(SELECT {key} AS key, md5({columns}::text) AS digest FROM {table} t WHERE sequence <= {until})")
    bound = sql.SQL("(ARRAY[{places}]::bigint[])[sequence % {count} + 1]").format(
        places=sql.SQL(", ").join(map(sql.Literal, until.places())), count=sql.Literal(len(until))
    )

    def of(schema: str) -> sql.Composed:
        return side.format(
            key=sql.Identifier(key),
            columns=sql.SQL(columns),
            table=sql.Identifier(schema, table),
            until=bound,
        )

    query = sql.SQL(
        "SELECT count(*) FILTER (WHERE n.key IS NULL), count(*) FILTER (WHERE o.key IS NULL), "
        "count(*) FILTER (WHERE n.digest <> o.digest) FROM {} o FULL JOIN {} n USING (key)"
    ).format(of(SCHEMA), of(REBUILD))
    row = await (await conn.execute(query)).fetchone()
    assert row is not None
    return Difference(*row)


def _refuse_loss(differences: Mapping[str, Difference], drop_lost: bool) -> None:
    lost = differences["events"].only_old
    if lost and not drop_lost:
        raise NotRebuilt(
            f"the tables have {lost} events that are no longer in the log (retention dropped them, or it is another "
            "log): they would be lost for good. The old tables stay; --drop-lost drops them"
        )


async def _swap(old: Connection, filler: Filler, nc: Client, writer: bool) -> None:
    """Replace the old tables by the new ones; with a `writer` on the old, at exactly the same fact."""
    row = await (await old.execute("SELECT to_regnamespace(%s)", [SCHEMA])).fetchone()
    existed = row is not None and row[0] is not None
    async with old.transaction():
        if writer:
            # Writers wait, and find the new tables afterwards. Readers continue.
            await old.execute("LOCK TABLE checkpoints IN EXCLUSIVE MODE")
            await _fill(filler, nc, await _positions(old, filler), lambda *_: None)
        if existed:
            await old.execute(sql.SQL("ALTER SCHEMA {} RENAME TO {}").format(_name(SCHEMA), _name(OLD)))
        await old.execute(sql.SQL("ALTER SCHEMA {} RENAME TO {}").format(_name(REBUILD), _name(SCHEMA)))


def _name(schema: str) -> sql.Identifier:
    return sql.Identifier(schema)


async def _drop(conn: Connection, schema: str) -> None:
    await conn.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(_name(schema)))


async def _drop_patiently(conn: Connection, schema: str) -> None:
    """Drop the old tables once nobody reads them; if somebody still does after a minute, they stay until next time."""
    for attempt in range(DROP_ATTEMPTS):
        try:
            async with conn.transaction():
                await conn.execute("SET LOCAL lock_timeout TO '10s'")
                await _drop(conn, schema)
        except psycopg.errors.LockNotAvailable:
            if attempt + 1 == DROP_ATTEMPTS:
                return
        else:
            return
