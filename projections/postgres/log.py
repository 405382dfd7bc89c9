"""Reading the log in its order, from any place, and learning when there is more."""

import asyncio

from nats.aio.client import Client
from nats.aio.msg import Msg

from contracts.topology import LIVE, VOICE
from infra.log.stream_reader import read_batch
from projections.postgres.fold import LogMessage

BATCH = 1000
BATCH_BYTES = 8_000_000
TIMEOUT_S = 10.0


async def read_log(nc: Client, after: int, limit: int = BATCH) -> tuple[list[LogMessage], int]:
    """Return the next messages of the log behind sequence `after`, and how many are still to come.

    Raises StreamUnreadable, nats.errors.TimeoutError.
    """
    found = await read_batch(nc, VOICE, ">", after + 1, limit, BATCH_BYTES, TIMEOUT_S)
    return [LogMessage(message.sequence, message.subject, message.data) for message in found.messages], found.pending


class NewFacts:
    """Tells when something has been stored, so that nobody has to ask all the time."""

    def __init__(self) -> None:
        self._stored = asyncio.Event()

    async def listen(self, nc: Client) -> None:
        """Start; it goes on until the connection is closed."""

        async def stored(_: Msg) -> None:
            self._stored.set()

        await nc.subscribe(LIVE.pattern, cb=stored)

    def reset(self) -> None:
        """Forget what was stored so far; call it before reading."""
        self._stored.clear()

    async def wait(self, timeout_s: float = 1.0) -> None:
        """Return when something has been stored since `reset`, or after `timeout_s`: a word may get lost."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._stored.wait()
        except TimeoutError:
            pass
