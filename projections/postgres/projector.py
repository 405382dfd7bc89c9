"""The running projection: one copy at work, the others wait; it outlives Postgres and NATS."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
from nats.aio.client import Client
from nats.errors import Error as NatsError

from contracts.tables import SCHEMA
from infra.process.tasks import CancelledElsewhere, ended, own_cancellation_only
from projections.postgres.dead import NAME, burial
from projections.postgres.filling import Filler, Stopped
from projections.postgres.fold import LogMessage
from projections.postgres.log import NewFacts, read_log
from projections.postgres.schema import Connection, UnusableDatabase, connect, first_line, prepare
from projections.postgres.sound import sound_from
from projections.postgres.tables import Moved, ProjectionPosition, make_index
from projections.status import Rate, Status, log_end

log = logging.getLogger(__name__)

STANDBY_S, STOPPED_S, MAX_BACKOFF_S, AGAIN_S = 1.0, 10.0, 2.0, 0.1
WRITE_TIMEOUT_S = 90.0

Outage = (psycopg.OperationalError, psycopg.InterfaceError, NatsError, OSError, TimeoutError)


class PostgresProjector:
    """Keeps the tables of `schema` as the log says; `status` is what it tells about itself."""

    def __init__(self, nc: Client, url: str, schema: str = SCHEMA) -> None:
        self._nc = nc
        self._url = url
        self._schema = schema
        self._rate = Rate()
        self._new = NewFacts()
        self._status = Status(NAME, pid=os.getpid())

    def status(self) -> Status:
        """Return how it is now."""
        self._status.events_per_s = self._rate.per_s()
        return self._status

    async def run(self) -> None:
        """Go on until cancelled."""
        await self._new.listen(self._nc)
        delay_s, rest_s = 0.1, 0.0
        while True:
            began_s = asyncio.get_running_loop().time()
            try:
                with own_cancellation_only():
                    rest_s = await _rested(rest_s)
                    await self._at_work()
            except CancelledElsewhere as error:
                log.warning("%s; going on", error)
                rest_s = AGAIN_S
            except (Stopped, UnusableDatabase) as error:
                self._say("stopped", str(error), logging.ERROR)
                # Whatever was to be done, it is found out by trying again.
                rest_s = STOPPED_S
            except Moved as error:
                log.info("%s: going on from where they are", error)
            except Outage as error:
                if asyncio.get_running_loop().time() - began_s > 10:
                    delay_s = 0.1
                self._say("waiting", _outage(error), logging.WARNING)
                rest_s = delay_s
                delay_s = min(delay_s * 2, MAX_BACKOFF_S)
            except psycopg.Error as error:
                self._say("stopped", _unexpected(error), logging.ERROR)
                rest_s = STOPPED_S
            except Exception as error:
                # Without this the task would end unseen, and its last status stay.
                log.exception("an unexpected error; starting again in %g s", STOPPED_S)
                self._say("stopped", f"an unexpected error: {error!r}", logging.ERROR)
                rest_s = STOPPED_S

    def _say(self, state: str, reason: str = "", level: int = logging.INFO) -> None:
        if (state, reason) != (self._status.state, self._status.reason):
            log.log(level, "%s%s", state, f": {reason}" if reason else "")
        self._status.state, self._status.reason = state, reason

    async def _at_work(self) -> None:
        async with self._only_one() as conn:
            await prepare(conn, self._url, self._schema)
            filler = Filler(conn, sound_from(self._nc), burial(self._nc))
            await self._check_log(await filler.find_place())
            await self._follow(conn, filler)

    @asynccontextmanager
    async def _only_one(self) -> AsyncIterator[Connection]:
        """Wait until no other copy is at work; the lock ends with the connection."""
        conn = await connect(self._url, self._schema)
        try:
            while not await _locked(conn, self._schema):
                self._say("standby", "another copy is at work")
                await asyncio.sleep(STANDBY_S)
            yield conn
        finally:
            await conn.close()

    async def _check_log(self, place: ProjectionPosition) -> None:
        """Make sure that the tables are of this log."""
        end = await log_end(self._nc)
        self._status.position = place.sequence
        if end < place.sequence:
            raise Stopped(
                f"the tables are at event {place.sequence}, but the log ends at {end}: they are of another log. "
                "`daredevil projections rebuild postgres` makes them anew from this one, or set "
                "DAREDEVIL_POSTGRES_URL to another database"
            )

    async def _follow(self, conn: Connection, filler: Filler) -> None:
        """Read on while the last batch is being written."""
        position, indexed = filler.place.sequence, False
        reading = asyncio.create_task(self._read(position, wait=False))
        try:
            while True:
                messages, pending = await reading
                if messages:
                    position = messages[-1].sequence
                reading = asyncio.create_task(self._read(position, wait=not pending))
                await self._keep(filler, messages)
                if pending:
                    self._say("catching up")
                    continue
                if not indexed and filler.place.space is not None:
                    self._say("catching up", "making the index of embeddings")
                    await make_index(conn, filler.place.space)
                    indexed = True
                self._say("live")
        finally:
            await ended(reading)

    async def _read(self, after: int, wait: bool) -> tuple[list[LogMessage], int]:
        """Return what comes after a sequence; with `wait`, not before there may be something."""
        if wait:
            await self._new.wait()
        self._new.reset()
        return await read_log(self._nc, after)

    async def _keep(self, filler: Filler, messages: list[LogMessage]) -> None:
        if not messages:
            return
        before = filler.errors
        try:
            async with asyncio.timeout(WRITE_TIMEOUT_S):
                await filler.keep(messages)
        finally:
            self._status.position = filler.place.sequence
            self._status.errors += filler.errors - before
            self._status.last_error = filler.last_error or self._status.last_error
        self._rate.count(len(messages))


async def _rested(rest_s: float) -> float:
    """Rest, and return how long to rest the next time."""
    await asyncio.sleep(rest_s)
    return 0.0


async def _locked(conn: Connection, schema: str) -> bool:
    row = await (await conn.execute("SELECT pg_try_advisory_lock(hashtext(%s))", [f"daredevil {schema}"])).fetchone()
    return row is not None and bool(row[0])


def _unexpected(error: psycopg.Error) -> str:
    return (
        f"Postgres refuses ({type(error).__name__}: {first_line(error)}): if somebody has changed the tables, "
        "`daredevil projections rebuild postgres` makes them anew"
    )


def _outage(error: BaseException) -> str:
    whose = "Postgres" if isinstance(error, psycopg.Error) else "the log"
    return f"{whose} does not answer ({first_line(error) or type(error).__name__})"
