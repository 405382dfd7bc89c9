"""The event log: append an event durably and once, read a session back."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from faststream.nats import NatsBroker
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.api import PubAck
from nats.js.errors import APIError, NotFoundError

from contracts.codec import Undecodable, decode
from contracts.events import Event
from contracts.topology import VOICE, session_subjects, subject_of
from infra.log.clock import CLOCK, time_ns_of
from infra.log.connection import cancellation_kept, connection
from infra.log.log_probe import refusals
from infra.process.telemetry import trace_headers

log = logging.getLogger(__name__)

ACK_TIMEOUT_S = 5.0
WRONG_LAST_SEQUENCE = 10071


@dataclass(frozen=True, slots=True)
class Fact:
    """An event with its place in the log."""

    sequence: int
    event: Event


@dataclass(frozen=True, slots=True)
class ExpectedSequence:
    """Optimistic concurrency: accept a fact only while the last one on `subjects` is `last_sequence`.

    It keeps out an owner that does not know yet that another has taken over.

    `subjects` is a filter such as `voice.<session>.reply.*`.
    """

    subjects: str
    last_sequence: int


class StaleWriter(RuntimeError):
    """Somebody else has appended on these subjects since: this owner must stop."""


class LogUnavailable(RuntimeError):
    """The log took no fact in time, or refused it (a full disk): the fact is not stored."""


def now_ns() -> int:
    """Return the time for an event: Unix epoch ns, on a clock that does not step within a conversation."""
    return CLOCK.now_ns()


async def append(
    broker: NatsBroker, event: Event, expected: ExpectedSequence | None = None, patience_s: float = 60
) -> int:
    """Store a fact and return its sequence, once it is on disk.

    While NATS is away it is tried again with the same id, so it is stored once. Raises StaleWriter if `subjects`
    has moved on, LogUnavailable after `patience_s`. If it is cancelled, the fact may be stored or not.
    """
    headers = trace_headers() | {"Nats-Msg-Id": event.event_id, "Daredevil-Event": type(event).__name__}
    if expected is not None:
        headers["Nats-Expected-Last-Subject-Sequence"] = str(expected.last_sequence)
        headers["Nats-Expected-Last-Subject-Sequence-Subject"] = expected.subjects
    deadline = time.monotonic() + patience_s
    delay_s = 0.1
    while True:
        tried_s = time.monotonic()
        try:
            with cancellation_kept():
                ack = await broker.publish(
                    event, subject_of(event), headers=headers, stream=VOICE, timeout=min(ACK_TIMEOUT_S, patience_s)
                )
            assert isinstance(ack, PubAck)
            refusals.stored()
            return ack.seq
        except APIError as error:
            if error.err_code == WRONG_LAST_SEQUENCE and expected is not None:
                return await _own_last(broker, event, expected)
            problem: Exception = error
        except (NatsError, TimeoutError, OSError) as error:
            problem = error
        refusals.refused(tried_s, time.monotonic())
        if time.monotonic() + delay_s > deadline:
            reason = f"{type(event).__name__} of {event.session_id} was not stored: {problem!r}"
            raise LogUnavailable(reason) from problem
        if delay_s == 0.1:
            log.warning("%s of %s not stored yet (%r); trying again", type(event).__name__, event.session_id, problem)
        await asyncio.sleep(delay_s)
        delay_s = min(delay_s * 2, 2)


async def deliver_again(broker: NatsBroker, event: Event, occasion: str) -> None:
    """Store a fact once more, so that the durables that take it are given it anew; to readers it is the one they know.

    Of one `occasion` it is stored once, whoever says it. Raises nats errors, TimeoutError.
    """
    headers = {"Nats-Msg-Id": f"{event.event_id}:again:{occasion}", "Daredevil-Event": type(event).__name__}
    await broker.publish(event, subject_of(event), headers=headers, stream=VOICE, timeout=ACK_TIMEOUT_S)


async def _own_last(broker: NatsBroker, event: Event, expected: ExpectedSequence) -> int:
    """Return the sequence of this very event if it is stored already. Raises StaleWriter if another one is.

    NATS checks the expected sequence before it looks for duplicates: an append whose answer got lost looks like
    another's when it is tried again.
    """
    for fact in await facts_after(broker, event.session_id, expected.last_sequence):
        if fact.event.event_id == event.event_id:
            return fact.sequence
    raise StaleWriter(f"{type(event).__name__} of {event.session_id}: another owner has gone on")


async def history(
    nc: Client, session_id: str, after: int = 0, timeout_s: float = 5, subjects: str = ""
) -> AsyncIterator[Fact]:
    """Yield a session's facts with sequence above `after`, in order, each event id once.

    `subjects` is a filter for a part of them, such as `voice.<session>.turn.*`. Reads batches by direct get: about
    1 ms for a few facts, 4 ms for 50. Facts that cannot be decoded are left out. Raises nats.errors.TimeoutError.
    """
    seen: set[str] = set()
    start, more = after + 1, True
    while more:
        messages, more = await read_batch(nc, VOICE, subjects or session_subjects(session_id), start, timeout_s)
        for message in messages:
            headers = message.headers or {}
            sequence = int(headers["Nats-Sequence"])
            start = sequence + 1
            try:
                event = decode(headers["Nats-Subject"], message.data)
            except Undecodable:
                continue
            if event.event_id not in seen:
                seen.add(event.event_id)
                yield Fact(sequence, event)


async def facts_after(
    broker: NatsBroker, session_id: str, after: int = 0, patience_s: float = 60, subjects: str = ""
) -> list[Fact]:
    """Return a session's facts as `history` yields them, and wait while NATS is away.

    Raises the last problem after `patience_s`.
    """
    deadline = time.monotonic() + patience_s
    while True:
        try:
            return [fact async for fact in history(connection(broker), session_id, after, subjects=subjects)]
        except (NatsError, TimeoutError, OSError, LogUnavailable) as error:
            if time.monotonic() > deadline:
                raise
            log.debug("reading %s back: %r", session_id, error)
            await asyncio.sleep(0.25)


async def read_batch(
    nc: Client, stream: str, subjects: str, start: int, timeout_s: float = 5
) -> tuple[list[Msg], bool]:
    """Return stored messages from sequence `start` on, as they are, and whether there are more.

    Their headers `Nats-Sequence`, `Nats-Subject` and `Nats-Time-Stamp` tell where and when they were stored. Raises
    nats.errors.TimeoutError, LogUnavailable.
    """
    request = {"seq": start, "batch": 512, "max_bytes": 4_000_000, "next_by_subj": subjects}
    return await direct_get(nc, stream, request, timeout_s)


async def direct_get(
    nc: Client, stream: str, request: Mapping[str, object], timeout_s: float = 5
) -> tuple[list[Msg], bool]:
    """Return what a batched direct get finds, as `read_batch` does.

    `request` is JetStream's: `seq` or `start_time` with `batch` and `next_by_subj`, or `multi_last` with subjects for
    at most 1024 messages.
    """
    inbox = nc.new_inbox()
    subscription = await nc.subscribe(inbox)
    messages: list[Msg] = []
    try:
        await nc.publish(f"$JS.API.DIRECT.GET.{stream}", json.dumps(request).encode(), reply=inbox)
        while True:
            message = await subscription.next_msg(timeout=timeout_s)
            status = (message.headers or {}).get("Status")
            if status == "204":
                return messages, int((message.headers or {}).get("Nats-Num-Pending", "0")) > 0
            if status == "404":
                return messages, False
            if status is not None:
                raise LogUnavailable(f"reading {stream}: {status} {(message.headers or {}).get('Description')}")
            messages.append(message)
    finally:
        await subscription.unsubscribe()


def sequence_of(message: Msg) -> int:
    """Return the sequence of a message that a direct get has found."""
    return int((message.headers or {})["Nats-Sequence"])


def stored_ns(message: Msg) -> int:
    """Return when NATS has stored a message that a direct get has found: Unix epoch ns, by its server's clock."""
    return time_ns_of((message.headers or {})["Nats-Time-Stamp"])


async def last_message(nc: Client, stream: str, subjects: str) -> Msg | None:
    """Return the newest message on `subjects`, None if there is none. Raises what `direct_get` raises."""
    messages, _ = await direct_get(nc, stream, {"multi_last": [subjects]})
    return messages[-1] if messages else None


async def last_sequence(nc: Client, subjects: str) -> int:
    """Return the sequence of the last fact on `subjects`, 0 if there is none: what a new writer expects."""
    try:
        message = await nc.jetstream().get_last_msg(VOICE, subjects, direct=True)
    except NotFoundError:
        return 0
    return message.seq or 0
