"""Removes stored messages from the disk as well."""

import asyncio
from collections.abc import Iterable

from nats.aio.client import Client
from nats.js.errors import APIError, NotFoundError

from infra.log.jetstream_errors import NO_SUCH_MESSAGE

AT_ONCE = 16


async def overwrite(nc: Client, stream: str, sequences: Iterable[int]) -> int:
    """Remove messages and have the server overwrite their bytes on disk; return how many there were.

    Purging would only mark them. Each takes 2 to 5 ms if every write is synced. Raises nats errors.
    """
    js = nc.jetstream()
    waiting = iter(sequences)
    removed = 0

    async def work() -> None:
        nonlocal removed
        for sequence in waiting:
            try:
                # Without `no_erase` the server overwrites; nats-py never sends it.
                await js.delete_msg(stream, sequence)
                removed += 1
            except NotFoundError:
                continue
            except APIError as error:
                if error.err_code not in NO_SUCH_MESSAGE:
                    raise

    async with asyncio.TaskGroup() as workers:
        for _ in range(AT_ONCE):
            workers.create_task(work())
    return removed
