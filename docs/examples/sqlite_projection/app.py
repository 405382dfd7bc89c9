"""The process: follows the log into the file."""

import asyncio
import sqlite3
from collections.abc import Sequence

from faststream import FastStream
from nats.aio.client import Client

from docs.examples.sqlite_projection.row import SQLITE
from docs.examples.sqlite_projection.turns import Turns
from infra.log.stream_reader import StoredMessage
from infra.settings import Settings, settings
from projections.app import projection_app
from projections.projector import Projector, Stopped


class SqliteProjector(Projector):
    """Keeps the table as the log says."""

    def __init__(self, nc: Client, settings: Settings) -> None:
        super().__init__(SQLITE.process)
        self._nc = nc
        self._settings = settings

    async def project(self) -> None:
        """Go on where the table is."""
        with Turns.of(self._settings) as turns:
            position = await asyncio.to_thread(turns.position)
            await self.start_at(self._nc, position, "`daredevil projections rebuild sqlite` makes it anew")

            async def keep(messages: Sequence[StoredMessage]) -> None:
                nonlocal position
                position, problem = await asyncio.to_thread(turns.keep, messages, position)
                self._status.position = position
                if problem:
                    raise Stopped(problem)

            await self.follow(self._nc, position, keep)

    def server_away(self, error: Exception) -> str:
        """Say so if the file cannot be used."""
        return f"SQLite: {error}" if isinstance(error, sqlite3.Error) else ""


def make() -> FastStream:
    """Return the app of this process."""
    return projection_app(SQLITE.process, lambda nc: SqliteProjector(nc, settings()))
