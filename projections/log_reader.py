"""The log from a sequence on, for projections: in order, without gaps, and no faster than it is consumed."""

import asyncio
from collections.abc import AsyncIterator
from types import TracebackType

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from contracts.topology import LIVE, VOICE
from infra.log.stream_reader import Batch, StoredMessage, read_batch, stored_messages

BATCH_MESSAGES = 1000
BATCH_BYTES = 8_000_000
TIMEOUT_S = 5.0
LOOK_AGAIN_S = 1.0
"""A log without news is read again after this, because the signal of a new fact may get lost."""


class LogLost(RuntimeError):
    """The connection to NATS was lost, so that the log may be another one now: check it, then read on."""


class LogReader:
    """`async with LogReader(nc, after) as reader: batch = await reader.next()`, for one task at a time.

    At most one batch (1,000 messages, 8 MB) is in memory.
    """

    def __init__(self, nc: Client, after: int = 0) -> None:
        self._nc = nc
        self._next = after + 1
        self._pending = 1
        self._news = asyncio.Event()
        self._subscription: Subscription | None = None
        self._reconnects = 0

    async def __aenter__(self) -> "LogReader":
        """Listen for new facts. Raises nats errors."""
        self._reconnects = self._nc.stats["reconnects"]

        async def stored(_: Msg) -> None:
            self._news.set()

        self._subscription = await self._nc.subscribe(LIVE.pattern, cb=stored)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening, if there is still a connection."""
        if self._subscription is None or self._nc.is_closed:
            return
        try:
            await self._subscription.unsubscribe()
        except (NatsError, OSError):
            return

    async def next(self) -> Batch:
        """Return the next batch as soon as there is one; an empty batch after a second without.

        The first call does not wait. Raises LogLost, StreamUnreadable, nats errors.
        """
        if not self._pending:
            await self._wait()
        self._news.clear()
        self._check_connection()
        batch = await read_batch(self._nc, VOICE, ">", self._next, BATCH_MESSAGES, BATCH_BYTES, TIMEOUT_S)
        if batch.messages:
            self._next = batch.messages[-1].sequence + 1
        self._pending = batch.pending
        return batch

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(LOOK_AGAIN_S):
                await self._news.wait()
        except TimeoutError:
            pass

    def _check_connection(self) -> None:
        if self._nc.stats["reconnects"] != self._reconnects or not self._nc.is_connected:
            raise LogLost("the connection to NATS was lost")


def log_until(nc: Client, end: int, subjects: str = ">", after: int = 0) -> AsyncIterator[StoredMessage]:
    """Yield the log's messages on `subjects` after `after`, up to sequence `end`. Raises as `stored_messages` does."""
    return stored_messages(nc, VOICE, subjects, after + 1, end + 1, BATCH_MESSAGES, TIMEOUT_S)
