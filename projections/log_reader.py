"""The log from a position on, for projections: in order, without gaps, and no faster than it is consumed.

Messages come with their places (`projections.positions`) as sequences.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from types import TracebackType

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from contracts.topology import LIVE
from infra.log.log_streams import streams_of_log
from infra.log.stream_reader import Batch, StoredMessage, read_batch, stored_messages
from projections.positions import Positions

BATCH_MESSAGES = 1000
BATCH_BYTES = 8_000_000
TIMEOUT_S = 5.0
LOOK_AGAIN_S = 1.0
"""A log without news is read again after this, because the signal of a new fact may get lost."""


class LogLost(RuntimeError):
    """The connection to NATS was lost, so that the log may be another one now: check it, then read on."""


class OnePosition(RuntimeError):
    """The log has several partitions, and a projection knows one position only."""

    def __init__(self, partitions: int) -> None:
        super().__init__(
            f"this projection reads a log of one stream, and this log has {partitions} partitions: it would have to "
            "keep a position for each (projections.positions)"
        )


class LogReader:
    """`async with LogReader(nc, after) as reader: batch = await reader.next()`, for one task at a time.

    `after` are positions; a number is that of a log with one partition. At most one batch (1,000 messages, 8 MB) is in
    memory.
    """

    def __init__(self, nc: Client, after: Positions | int = 0) -> None:
        self._nc = nc
        self._after = after
        self._next: list[int] = []
        self._pending: list[int] = []
        self._names: tuple[str, ...] = ()
        self._news = asyncio.Event()
        self._subscription: Subscription | None = None
        self._reconnects = 0

    async def __aenter__(self) -> "LogReader":
        """Listen for new facts. Raises OnePosition, nats errors."""
        self._reconnects = self._nc.stats["reconnects"]
        self._names = (await streams_of_log(self._nc)).names
        self._next = [sequence + 1 for sequence in positions_of(self._after, len(self._names))]
        self._pending = [1] * len(self._names)

        async def stored(message: Msg) -> None:
            name = (message.headers or {}).get("Nats-Stream", "")
            for number in [self._names.index(name)] if name in self._names else range(len(self._names)):
                self._pending[number] = max(1, self._pending[number])
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
        if not any(self._pending):
            await self._wait()
        self._news.clear()
        self._check_connection()
        due = [number for number, pending in enumerate(self._pending) if pending]
        for number in due:
            self._pending[number] = 0
        batches = await asyncio.gather(*(self._read(number, len(due)) for number in due))
        return Batch([message for batch in batches for message in batch], sum(self._pending))

    async def _read(self, number: int, at_once: int) -> list[StoredMessage]:
        """Read on in one partition; so many are read at once."""
        batch = await read_placed(self._nc, self._names, number, self._next[number], at_once)
        if batch.messages:
            self._next[number] = batch.messages[-1].sequence // len(self._names) + 1
        self._pending[number] = max(self._pending[number], batch.pending)
        return batch.messages

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(LOOK_AGAIN_S):
                await self._news.wait()
        except TimeoutError:
            self._pending = [1] * len(self._names)

    def _check_connection(self) -> None:
        if self._nc.stats["reconnects"] != self._reconnects or not self._nc.is_connected:
            raise LogLost("the connection to NATS was lost")


def positions_of(after: Positions | int, partitions: int) -> Positions:
    """Return positions in a log of so many partitions. Raises OnePosition."""
    if isinstance(after, Positions):
        return after
    if partitions > 1:
        raise OnePosition(partitions)
    return Positions((after,))


async def read_placed(nc: Client, names: tuple[str, ...], number: int, start: int, at_once: int = 1) -> Batch:
    """Return the next messages of a partition from a sequence on, with their places, a share of a whole batch.

    Raises as `stored_messages` does.
    """
    most, most_bytes = max(1, BATCH_MESSAGES // at_once), max(1_100_000, BATCH_BYTES // at_once)
    batch = await read_batch(nc, names[number], ">", start, most, most_bytes, TIMEOUT_S)
    return Batch([_placed(message, len(names), number) for message in batch.messages], batch.pending)


def _placed(message: StoredMessage, partitions: int, number: int) -> StoredMessage:
    return message if partitions == 1 else replace(message, sequence=message.sequence * partitions + number)


async def log_until(
    nc: Client, end: Positions | int, subjects: str = ">", after: int = 0
) -> AsyncIterator[StoredMessage]:
    """Yield the log's messages on `subjects` up to `end`, one partition after the other, those after `after` of each.

    Raises OnePosition, and as `stored_messages` does.
    """
    names = (await streams_of_log(nc)).names
    for number, (name, last) in enumerate(zip(names, positions_of(end, len(names)), strict=True)):
        async for message in stored_messages(nc, name, subjects, after + 1, last + 1, BATCH_MESSAGES, TIMEOUT_S):
            yield _placed(message, len(names), number)
