"""A Postgres server that a benchmark runs for itself."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg

from infra.postgres_url import data_folder, embedded_url
from infra.system.postgres import command
from infra.system.processes import start_program

READY_TIMEOUT_S = 60.0


@asynccontextmanager
async def own_postgres(folder: Path) -> AsyncIterator[str]:
    """Yield the URL of a server that keeps its data in `folder` and ends with the block. Raises TimeoutError."""
    url = embedded_url(folder)
    server = await start_program(command(data_folder(folder)), os.environ, folder / "postgres.log")
    try:
        async with asyncio.timeout(READY_TIMEOUT_S):
            while not await _answers(url):  # noqa: ASYNC110 (another process)
                await asyncio.sleep(0.05)
        yield url
    finally:
        server.send(signal.SIGINT)
        await server.wait()


async def _answers(url: str) -> bool:
    with contextlib.suppress(psycopg.Error):
        async with await psycopg.AsyncConnection.connect(url, connect_timeout=5):
            return True
    return False
