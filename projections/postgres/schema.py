"""Connections to the tables, and the tables themselves: created and migrated by alembic, in any schema."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import psycopg
from psycopg import AsyncConnection, sql
from psycopg.rows import TupleRow

from contracts.tables import SCHEMA
from projections.projector import Stopped, first_line

REBUILD, OLD = f"{SCHEMA}_rebuild", f"{SCHEMA}_old"
HEAD = "0004"
"""The newest migration; a test checks it."""

PROJECTION = "postgres"
CONNECT_TIMEOUT_S = 5
STATEMENT_TIMEOUT_MS = 60_000

Connection = AsyncConnection[TupleRow]


class UnusableDatabase(Stopped):
    """The database cannot hold our tables in its present state; the message says why and what to do."""


async def connect(url: str, schema: str = SCHEMA) -> Connection:
    """Return a connection that finds the tables of `schema` by their plain names. Raises psycopg.OperationalError.

    A commit does not wait for the disk: what a crash of the server loses is read from the log again.
    """
    conn = await AsyncConnection.connect(url, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S)
    try:
        path = sql.SQL(", ").join([sql.Identifier(schema), sql.Identifier("public")])
        await conn.execute(sql.SQL("SET search_path TO {}").format(path))
        await conn.execute("SET synchronous_commit TO off")
        await conn.execute(f"SET statement_timeout TO {STATEMENT_TIMEOUT_MS}")
        await conn.execute("SET timezone TO 'UTC'")
    except BaseException:
        await conn.close()
        raise
    return conn


async def prepare(conn: Connection, url: str, schema: str = SCHEMA) -> None:
    """Create the tables of `schema`, or migrate them. Raises Unusable, psycopg.Error.

    Only the process that holds the lock may do so.
    """
    if await version_of(conn, schema) == HEAD:
        return
    await _extension(conn)
    try:
        await conn.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema)))
    except psycopg.errors.InsufficientPrivilege as error:
        raise UnusableDatabase(
            f"schema {schema} cannot be created ({first_line(error)}): grant CREATE on the database"
        ) from error
    # Alembic and SQLAlchemy take a second and 40 MB to import: only when there is something to do.
    await asyncio.to_thread(_migrate, url, schema)


async def version_of(conn: Connection, schema: str) -> str | None:
    """Return the migration that the tables of `schema` are at, None if there are none."""
    table = sql.Identifier(schema, "alembic_version")
    found = await (await conn.execute("SELECT to_regclass(%s)", [f"{schema}.alembic_version"])).fetchone()
    if found is None or found[0] is None:
        return None
    row = await (await conn.execute(sql.SQL("SELECT version_num FROM {}").format(table))).fetchone()
    return str(row[0]) if row else None


async def _extension(conn: Connection) -> None:
    try:
        await conn.execute("CREATE EXTENSION IF NOT EXISTS vector")
    except (
        psycopg.errors.FeatureNotSupported,
        psycopg.errors.UndefinedFile,
        psycopg.errors.InsufficientPrivilege,
    ) as e:
        raise UnusableDatabase(
            f"the database has no pgvector ({first_line(e)}): install it there (package postgresql-…-pgvector), and "
            "have its owner run `CREATE EXTENSION vector`"
        ) from e
    except psycopg.errors.UniqueViolation:
        pass  # another process created it at the same moment


def _migrate(url: str, schema: str) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError
    from sqlalchemy import create_engine
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.pool import NullPool

    def plain_connection() -> Any:
        conn = psycopg.connect(url, connect_timeout=CONNECT_TIMEOUT_S)
        path = sql.SQL(", ").join([sql.Identifier(schema), sql.Identifier("public")])
        conn.execute(sql.SQL("SET search_path TO {}").format(path))
        conn.commit()
        return conn

    logging.getLogger("alembic").setLevel(logging.WARNING)
    engine = create_engine("postgresql+psycopg://", creator=plain_connection, poolclass=NullPool)
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    try:
        with engine.begin() as connection:
            config.attributes.update(connection=connection, schema=schema)
            command.upgrade(config, "head")
    except CommandError as error:
        raise UnusableDatabase(
            f"the tables in schema {schema} are not of this program ({error}): install the newer program, or "
            "`daredevil projections rebuild postgres`"
        ) from error
    except DBAPIError as error:
        raise error.orig or error from error
    finally:
        engine.dispose()
