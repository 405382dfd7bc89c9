"""A NATS server that a benchmark, a rehearsal or a restore runs for itself."""

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import nats

from infra.log.nats_users import everybody
from infra.log.provisioning import provision
from infra.settings import settings
from infra.system.nats import (
    adopt_account,
    free_port,
    nats_server_path,
    partitions_on,
    wait_for_port,
    write_nats_config,
)
from infra.system.processes import start_program


@dataclass(frozen=True, slots=True)
class OwnNats:
    """A server's address and its process."""

    url: str
    pid: int


@asynccontextmanager
async def own_nats(folder: Path, port: int = 0) -> AsyncIterator[OwnNats]:
    """Run a server with our streams for the block, with its data in `folder`, on a free port unless one is given.

    It does not sync each fact: filling the log is not what is measured or tried. Raises TimeoutError, OSError.
    """
    async with unsynced_nats(folder, port) as found:
        nc = await nats.connect(found.url)
        try:
            await provision(nc.jetstream())
        finally:
            await nc.close()
        yield found


@asynccontextmanager
async def unsynced_nats(folder: Path, port: int = 0, partitions: int = 0) -> AsyncIterator[OwnNats]:
    """Run a server on the data in `folder` for the block, as it is, without syncing each message to disk.

    `partitions` are those of the log, 0: as set, or as it is. Raises TimeoutError, OSError.
    """
    async with synced_nats(folder, port, "1m", partitions) as found:
        yield found


@asynccontextmanager
async def synced_nats(
    folder: Path, port: int = 0, sync_interval: str = "always", partitions: int = 0
) -> AsyncIterator[OwnNats]:
    """Run a server on the data in `folder` for the block, as it is, which syncs each message to disk.

    Raises TimeoutError, OSError.
    """
    port = port or free_port()
    adopt_account(folder / "nats")
    count = partitions_on(folder / "nats", partitions or settings().partitions)
    config = write_nats_config(folder / "nats", port, users=everybody(count))
    config.write_text(config.read_text().replace("sync_interval: always", f'sync_interval: "{sync_interval}"'))
    server = await start_program((nats_server_path(), "-c", str(config)), os.environ, folder / "nats.log")
    try:
        await wait_for_port(port)
        yield OwnNats(f"nats://127.0.0.1:{port}", server.pid)
    finally:
        server.send(signal.SIGTERM)
        await server.wait()
