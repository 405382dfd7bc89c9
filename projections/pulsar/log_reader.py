"""The log from a sequence on: in order, nothing left out, and no faster than it is taken."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Sequence
from types import TracebackType
from typing import NamedTuple

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from contracts.topology import (
    FACTS,
    VOICE,
)
from infra.log.connection import give_up_consumer

BATCH, BATCH_BYTES = 256, 8_000_000
EXPIRES_S = 5
ENDS_OF_A_PULL = ("404", "408")
BATCH_IS_FULL = ("Message Size Exceeds MaxBytes", "Batch Completed")


class LogLost(RuntimeError):
    """The reader has lost its place (NATS was away, or its consumer): start another where this one was."""


class Entry(NamedTuple):
    """One message of the log. `stored_s` is Unix epoch, `behind` how many follow it in the log by now."""

    sequence: int
    subject: str
    data: bytes
    traceparent: str | None
    stored_s: float
    behind: int


class LogReader:
    """`async with LogReader(nc, after) as reader: entries = await reader.next()`, for one task.

    It pulls from a consumer, where others use `infra.log.stream_reader`, because it follows the log for as long as the
    projection runs: it takes several subjects, is told of new entries without asking, and saves the headers of a direct
    get, which cost more to parse than an entry.

    It asks for a batch when the last one has been taken, so at most one batch (256 entries, 8 MB) is in memory.
    `pending` is how many entries there were to come when it was entered.
    """

    def __init__(self, nc: Client, after: int = 0, subjects: Sequence[str] = (FACTS.pattern,)) -> None:
        self._nc = nc
        self._after = after
        self._subjects = list(subjects)
        self.pending = 0
        self._arrived: deque[Entry] = deque()
        self._news = asyncio.Event()
        self._wanted = 0
        self._taken = 0
        self._problem = ""
        self._consumer = ""
        self._subscription: Subscription | None = None
        self._reconnects = 0

    async def __aenter__(self) -> "LogReader":
        """Make the consumer. Raises nats errors."""
        self._reconnects = self._nc.stats["reconnects"]
        config = ConsumerConfig(
            filter_subjects=self._subjects,
            ack_policy=AckPolicy.NONE,
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=self._after + 1,
            mem_storage=True,
            inactive_threshold=60,
        )
        info = await self._nc.jetstream().add_consumer(VOICE, config)
        self._consumer, self.pending = info.name, info.num_pending or 0
        self._inbox = self._nc.new_inbox()
        self._subscription = await self._nc.subscribe(self._inbox, cb=self._take)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the consumer up; where NATS is away it goes by itself."""
        if self._nc.is_closed:
            return
        try:
            if self._subscription is not None:
                await self._subscription.unsubscribe()
            await give_up_consumer(self._nc, VOICE, self._consumer)
        except (NatsError, OSError):
            return

    async def next(self) -> list[Entry]:
        """Return what follows, as soon as there is something; empty after five seconds without.

        Raises LogLost, nats errors.
        """
        if not self._arrived:
            if self._wanted <= 0:
                await self._ask()
            await self._wait()
        entries = list(self._arrived)
        self._arrived.clear()
        return entries

    async def _ask(self) -> None:
        self._wanted = BATCH
        request = {"batch": BATCH, "max_bytes": BATCH_BYTES, "expires": EXPIRES_S * 1_000_000_000}
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{VOICE}.{self._consumer}"
        await self._nc.publish(subject, json.dumps(request).encode(), reply=self._inbox)

    async def _wait(self) -> None:
        deadline = asyncio.get_running_loop().time() + EXPIRES_S + 2
        while not self._news.is_set():
            try:
                # In short steps: a connection that was lost and is back says nothing by itself.
                async with asyncio.timeout(0.5):
                    await self._news.wait()
            except TimeoutError:
                if self._nc.stats["reconnects"] != self._reconnects or not self._nc.is_connected:
                    raise LogLost("the connection to NATS was lost") from None
                if asyncio.get_running_loop().time() > deadline:
                    raise LogLost("NATS does not answer") from None
        self._news.clear()
        if self._problem and not self._arrived:
            raise LogLost(self._problem)

    async def _take(self, message: Msg) -> None:
        headers = message.headers or {}
        if (status := headers.get("Status")) is not None and not message.reply.startswith("$JS.ACK."):
            self._wanted = 0
            if status not in ENDS_OF_A_PULL and headers.get("Description", "") not in BATCH_IS_FULL:
                self._problem = f"{status} {headers.get('Description', '')}"
            self._news.set()
            return
        place = _place(message.reply)
        self._taken += 1
        if place.taken != self._taken:
            self._problem = "a message was lost on the way"
        if not self._problem:
            self._wanted -= 1
            traceparent = headers.get("traceparent")
            self._arrived.append(
                Entry(place.sequence, message.subject, message.data, traceparent, place.stored_s, place.behind)
            )
        self._news.set()


class _Place(NamedTuple):
    sequence: int
    taken: int
    stored_s: float
    behind: int


def _place(reply: str) -> _Place:
    """Read what JetStream says about a message in its reply subject: `Msg.metadata` takes five times as long."""
    tokens = reply.split(".")
    # $JS.ACK.stream.consumer.delivered.sequence.taken.time.pending, or with domain and account before the stream.
    sequence, taken, time_ns, pending = tokens[5:9] if len(tokens) == 9 else tokens[7:11]
    return _Place(int(sequence), int(taken), int(time_ns) / 1e9, int(pending))


async def entries_until(nc: Client, end: int, subjects: Sequence[str]) -> AsyncIterator[Entry]:
    """Yield what the log has on `subjects` up to sequence `end`, then stop. Raises LogLost, nats errors."""
    async with LogReader(nc, 0, subjects) as reader:
        left = reader.pending
        while left:
            entries = await reader.next()
            for entry in entries:
                if entry.sequence > end:
                    return
                yield entry
                left = entry.behind
