"""Logs to back up, and what is in them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import nats
from nats.aio.client import Client
from nats.js.errors import NotFoundError

from contracts.topology import kept_streams
from infra.backup.again_erased import ErasedAgain
from infra.backup.copying import BackupFigures, back_up
from infra.backup.place import BackupPlace
from infra.backup.restoring import RestoreFigures, complete_manifest, restore
from infra.log.provisioning import provision
from infra.log.stream_reader import STORED_HEADER, stored_messages
from tests.servers import running_nats

Kept = tuple[int, str, str, dict[str, str], bytes]


async def all_kept(nc: Client) -> dict[str, list[Kept]]:
    """All messages of all streams that a backup has: sequence, when, subject, headers, data."""
    found: dict[str, list[Kept]] = {}
    for stream in kept_streams(1):
        found[stream] = []
        async for message in stored_messages(nc, stream):
            ours = {
                name: text
                for name, text in message.headers.items()
                if name == "Nats-Msg-Id" or (name.startswith("Daredevil-") and name != STORED_HEADER)
            }
            found[stream].append((message.sequence, message.stored, message.subject, ours, message.data))
    return found


async def ends(nc: Client) -> dict[str, int]:
    """The last sequence of each such stream."""
    js = nc.jetstream()
    return {name: (await js.stream_info(name)).state.last_seq for name in kept_streams(1)}


async def saved_to(place: Path | str, nc: Client) -> BackupFigures:
    """Back up, and return what was done."""
    opened = BackupPlace(str(place))
    with opened.held():
        return await back_up(nc, opened, lambda _: None)


async def restored_from(
    place: Path | str, nc: Client, erased: frozenset[str] = frozenset(), skips_damaged: bool = False
) -> RestoreFigures:
    """Restore into the NATS of `nc`."""
    opened = BackupPlace(str(place))

    async def provisioned() -> None:
        await provision(nc.jetstream())

    manifest = await complete_manifest(opened)
    again = ErasedAgain(erased)
    return await restore(nc, opened, manifest, provisioned, again, lambda _: None, skips_damaged)


@asynccontextmanager
async def empty_nats(folder: Path) -> AsyncIterator[Client]:
    """A NATS without anything."""
    folder.mkdir(parents=True)  # noqa: ASYNC240 (a test's folder)
    async with running_nats(folder) as server:
        nc = await nats.connect(server.url)
        try:
            yield nc
        finally:
            await nc.close()


async def handled(nc: Client, stream: str, name: str, count: int) -> None:
    """Have a durable consumer take and acknowledge messages."""
    subscription = await nc.jetstream().pull_subscribe_bind(name, stream)
    for message in await subscription.fetch(count, timeout=5):
        await message.ack_sync()
    await subscription.unsubscribe()


async def has(nc: Client, stream: str) -> bool:
    try:
        await nc.jetstream().stream_info(stream)
    except NotFoundError:
        return False
    return True
