"""The running projection: one copy works, the others wait; it survives outages of Postgres and NATS."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import psycopg
from nats.aio.client import Client

from contracts.tables import SCHEMA
from infra.log.stream_reader import StoredMessage
from projections.postgres.dead_letters import dead_letter_writer
from projections.postgres.filling import Filler
from projections.postgres.row import POSTGRES
from projections.postgres.schema import Connection, connect, prepare
from projections.postgres.sound import sound_from
from projections.postgres.tables import Moved, make_index
from projections.projector import AnotherCopy, Projector, Stopped, first_line
from projections.status import log_ends

log = logging.getLogger(__name__)

WRITE_TIMEOUT_S = 90.0
AWAY = (psycopg.OperationalError, psycopg.InterfaceError)


OTHER_LOG = (
    "`daredevil projections rebuild postgres` rebuilds the tables from this one, or set DAREDEVIL_POSTGRES_URL to "
    "another database"
)


class PostgresProjector(Projector):
    """Keeps the tables of `schema` up to date with the log."""

    def __init__(self, nc: Client, url: str, schema: str = SCHEMA) -> None:
        super().__init__(POSTGRES.process)
        self._nc = nc
        self._url = url
        self._schema = schema

    async def project(self) -> None:
        """Update the tables; return if somebody else has changed them. Raises as `Projector.project` does."""
        try:
            async with self._only_one() as conn:
                await prepare(conn, self._url, self._schema)
                filler = Filler(conn, sound_from(self._nc), dead_letter_writer(self._nc))
                await self.start_at(
                    self._nc, (await filler.find_place(len(await log_ends(self._nc)))).positions, OTHER_LOG
                )
                await self._follow(conn, filler)
        except Moved as error:
            log.info("%s: going on from where they are", error)
        except AWAY:
            raise
        except psycopg.Error as error:
            raise Stopped(_unexpected(error)) from error

    def server_away(self, error: Exception) -> str:
        """Return the problem if Postgres does not answer."""
        if isinstance(error, AWAY):
            return f"Postgres does not answer ({first_line(error) or type(error).__name__})"
        return ""

    @asynccontextmanager
    async def _only_one(self) -> AsyncIterator[Connection]:
        """Yield a connection with the lock that one copy can have; it ends with the connection. Raises AnotherCopy."""
        conn = await connect(self._url, self._schema)
        try:
            if not await _locked(conn, self._schema):
                raise AnotherCopy("another copy is at work")
            yield conn
        finally:
            await conn.close()

    async def _follow(self, conn: Connection, filler: Filler) -> None:
        indexed = False

        async def keep(messages: Sequence[StoredMessage]) -> None:
            await self._keep(filler, messages)

        async def caught_up() -> None:
            nonlocal indexed
            if not indexed and filler.place.space is not None:
                self.say("catching up", "making the index of embeddings")
                await make_index(conn, filler.place.space)
                indexed = True

        await self.follow(self._nc, filler.place.positions, keep, caught_up)

    async def _keep(self, filler: Filler, messages: Sequence[StoredMessage]) -> None:
        if not messages:
            return
        before = filler.errors
        try:
            async with asyncio.timeout(WRITE_TIMEOUT_S):
                await filler.keep(messages)
        finally:
            self._status.position = filler.place.positions.total
            self._status.errors += filler.errors - before
            self._status.last_error = filler.last_error or self._status.last_error


async def _locked(conn: Connection, schema: str) -> bool:
    row = await (await conn.execute("SELECT pg_try_advisory_lock(hashtext(%s))", [f"daredevil {schema}"])).fetchone()
    return row is not None and bool(row[0])


def _unexpected(error: psycopg.Error) -> str:
    return (
        f"Postgres refuses ({type(error).__name__}: {first_line(error)}): if somebody has changed the tables, "
        "`daredevil projections rebuild postgres` rebuilds them"
    )
