"""For each projection that can be tested: a server that the benchmark runs for itself, and its row."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from nats.aio.client import Client

from infra.bench.own_postgres import own_postgres
from infra.bench.under_test import Kind
from infra.postgres_url import embedded_url
from infra.projection import projections
from infra.settings import settings

Server = tuple[Mapping[str, str], Callable[[], AbstractAsyncContextManager[None]]]
"""The settings for a server, and a context manager that runs it."""


def kind_of(name: str, folder: Path) -> Kind:
    """Return the projection `name` on a server whose data is in `folder`. Raises PulsarMissing."""
    urls, running = SERVERS[name](folder)
    told = settings().model_copy(update=dict(urls))
    row = next(row for row in projections(settings()) if row.name == name)

    async def compare(nc: Client) -> list[str]:
        return await row.verify(told, nc)

    environment = {f"DAREDEVIL_{setting.upper()}": url for setting, url in urls.items()}
    return Kind(row.process, row.app, environment, running, compare)


def _pulsar(folder: Path) -> Server:
    from infra.system.pulsar import PulsarServer, check_installed

    check_installed()
    server = PulsarServer(folder)

    @asynccontextmanager
    async def running() -> AsyncIterator[None]:
        server.begin()
        try:
            await server.ready()
            yield
        finally:
            await asyncio.to_thread(server.end, signal.SIGKILL)

    return {"pulsar_url": server.url, "pulsar_admin_url": server.admin_url}, running


def _postgres(folder: Path) -> Server:
    @asynccontextmanager
    async def running() -> AsyncIterator[None]:
        async with own_postgres(folder):
            yield

    return {"postgres_url": embedded_url(folder)}, running


SERVERS: Mapping[str, Callable[[Path], Server]] = {"postgres": _postgres, "pulsar": _pulsar}
