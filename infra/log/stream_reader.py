"""Read the stored messages of a stream back: in order, from any place, with nothing left behind on the server.

Everything here is JetStream's batched direct get: one request, up to a batch of messages, no consumer. It suits reading
that ends. `projections.log_reader` follows the whole log with it. For facts as they are stored there is
`infra.log.session_feed`.
"""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js.errors import NotFoundError

from infra.log.clock import time_ns_of
from infra.log.connection import asking

log = logging.getLogger(__name__)

BATCH_MESSAGES = 512
BATCH_BYTES = 4_000_000
TIMEOUT_S = 5.0
MAX_SUBJECTS = 1024
"""JetStream finds the last messages of at most this many subjects in one request."""

NEAR_MESSAGES = 200
"""The search stops at this many messages: reading them is faster than narrowing further."""

RETRY_S = 0.25

STORED_HEADER = "Daredevil-Stored"
"""When a message that came back from a backup was first stored: RFC 3339, by the clock of the NATS that had it."""

Result = TypeVar("Result")


class StreamUnreadable(NatsError):
    """NATS refused to read a stream: it has none of that name, or its JetStream is away."""


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """One message of a stream, as it is stored."""

    sequence: int
    subject: str
    data: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def stored(self) -> str:
        """When NATS first stored it, by its server's clock: RFC 3339, empty if that is not known."""
        return self.headers.get(STORED_HEADER) or self.headers.get("Nats-Time-Stamp", "")

    @property
    def stored_ns(self) -> int:
        """The same as Unix epoch ns, exact to the microsecond."""
        return time_ns_of(self.stored)


@dataclass(frozen=True, slots=True)
class Batch:
    """Some messages in order, and how many more the stream has behind them (by now)."""

    messages: list[StoredMessage]
    pending: int


async def stored_messages(
    nc: Client,
    stream: str,
    subjects: str = ">",
    start: int = 1,
    before: int | None = None,
    batch: int = BATCH_MESSAGES,
    timeout_s: float = TIMEOUT_S,
) -> AsyncIterator[StoredMessage]:
    """Yield a stream's messages on `subjects` (a filter) in order, from sequence `start` and below `before`.

    It ends with the last one that is stored when it gets there. Between batches nothing is open on the server, so the
    iteration may be abandoned anywhere. Raises StreamUnreadable, nats.errors.TimeoutError (nothing arrived for
    `timeout_s`).
    """
    pending = 1
    while pending and (before is None or start < before):
        found = await read_batch(nc, stream, subjects, start, batch, timeout_s=timeout_s)
        for message in found.messages:
            if before is not None and message.sequence >= before:
                return
            yield message
            start = message.sequence + 1
        pending = found.pending


async def read_batch(
    nc: Client,
    stream: str,
    subjects: str,
    start: int,
    batch: int = BATCH_MESSAGES,
    max_bytes: int = BATCH_BYTES,
    timeout_s: float = TIMEOUT_S,
) -> Batch:
    """Return up to `batch` messages and `max_bytes` from sequence `start` on. Raises as `stored_messages` does."""
    request = {"seq": start, "batch": batch, "max_bytes": max_bytes, "next_by_subj": subjects}
    return await _direct_get(nc, stream, request, timeout_s)


async def first_message(
    nc: Client, stream: str, subjects: str, start: int = 1, since_ns: int | None = None
) -> StoredMessage | None:
    """Return the first message from a sequence on, or stored at a time (Unix epoch ns) or later; None without one.

    Raises as `stored_messages` does.
    """
    request: dict[str, object] = {"batch": 1, "next_by_subj": subjects}
    if since_ns is None:
        request["seq"] = start
    else:
        at = datetime.fromtimestamp(max(0, since_ns) / 1e9, UTC)
        request["start_time"] = at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    found = await _direct_get(nc, stream, request, TIMEOUT_S)
    return found.messages[0] if found.messages else None


async def last_messages(
    nc: Client, stream: str, subjects: Sequence[str], before: int | None = None
) -> list[StoredMessage]:
    """Return the last message of every subject that matches, in the stream's order; at most MAX_SUBJECTS match.

    With `before`, the last one below that sequence. Raises as `stored_messages` does.
    """
    request: dict[str, object] = {"multi_last": list(subjects)}
    if before is not None:
        if before <= 1:
            return []
        request["up_to_seq"] = before - 1
    return (await _direct_get(nc, stream, request, TIMEOUT_S)).messages


async def last_message(nc: Client, stream: str, subjects: str) -> StoredMessage | None:
    """Return the newest message on `subjects`, None without one. Raises as `stored_messages` does."""
    found = await last_messages(nc, stream, [subjects])
    return found[-1] if found else None


async def start_of(nc: Client, stream: str, subjects: str, is_before: Callable[[StoredMessage], bool]) -> int:
    """Return a sequence to start reading at: it skips only messages for which `is_before` holds, and most of those.

    For values in the messages that grow with their sequences (a time, a position in a track): a binary search down to
    NEAR_MESSAGES sequences. Returns 1 if nothing can be skipped. Raises as `stored_messages` does.
    """
    first, newest = await first_message(nc, stream, subjects), await last_message(nc, stream, subjects)
    if first is None or newest is None or not is_before(first):
        return 1
    low, high = first.sequence, newest.sequence
    while high - low > NEAR_MESSAGES:
        middle = (low + high) // 2
        there = await first_message(nc, stream, subjects, middle)
        if there is not None and is_before(there):
            low = max(middle, there.sequence)
        else:
            high = middle
    return low


async def has_stream(nc: Client, name: str) -> bool:
    """Return whether the server has a stream: one that was never used has none. Raises nats errors."""
    try:
        await nc.jetstream().stream_info(name)
    except NotFoundError:
        return False
    return True


async def read_patiently(read: Callable[[], Awaitable[Result]], what: str, patience_s: float) -> Result:
    """Return what `read` returns; while NATS is away it is called again. Raises its last problem after `patience_s`.

    `what` is for the log: "reading <what> back".
    """
    deadline = time.monotonic() + patience_s
    while True:
        try:
            return await read()
        except (NatsError, TimeoutError, OSError) as error:
            if time.monotonic() > deadline:
                raise
            log.debug("reading %s back: %r", what, error)
            await asyncio.sleep(RETRY_S)


async def _direct_get(nc: Client, stream: str, request: Mapping[str, object], timeout_s: float) -> Batch:
    """Return what a batched direct get finds: `request` is JetStream's (ADR-31)."""
    loop = asyncio.get_running_loop()
    messages: list[StoredMessage] = []
    ended: asyncio.Future[tuple[str, Mapping[str, str]]] = loop.create_future()
    patience = asyncio.timeout(timeout_s)

    # A callback: waiting for each message separately would cost more than reading it.
    async def take(message: Msg) -> None:
        headers = message.headers or {}
        if (status := headers.get("Status")) is None:
            sequence, subject = int(headers["Nats-Sequence"]), headers["Nats-Subject"]
            messages.append(StoredMessage(sequence, subject, message.data, headers))
            if not ended.done() and not patience.expired():
                patience.reschedule(loop.time() + timeout_s)
        elif not ended.done():
            ended.set_result((status, headers))

    nc = asking(nc)
    inbox = nc.new_inbox()
    subscription = await nc.subscribe(inbox, cb=take)
    try:
        async with patience:
            await nc.publish(f"$JS.API.DIRECT.GET.{stream}", json.dumps(request).encode(), reply=inbox)
            status, headers = await ended
    except TimeoutError as error:
        raise NatsTimeoutError from error
    finally:
        await subscription.unsubscribe()
    match status:
        case "204":
            return Batch(messages, int(headers.get("Nats-Num-Pending", "0")))
        case "404":
            return Batch(messages, 0)
        case "503":
            raise StreamUnreadable(
                f"stream {stream} cannot be read: NATS has no stream of that name, or JetStream is down"
            )
        case _:
            raise StreamUnreadable(f"stream {stream} cannot be read: {status} {headers.get('Description', '')}")
