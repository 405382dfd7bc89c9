"""The event log: append an event durably and once, read a session's facts back."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from faststream.nats import NatsBroker
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js.api import PubAck
from nats.js.errors import APIError

from contracts.codec import NewerVersion, Undecodable, decode
from contracts.events import Event
from contracts.topology import VOICE, session_subjects, subject_of
from infra.cannot_run import CannotRun
from infra.log.clock import now_ns as now_ns
from infra.log.connection import connection
from infra.log.jetstream_errors import WRONG_LAST_SEQUENCE
from infra.log.log_probe import refusals
from infra.log.log_streams import streams_of_log
from infra.log.stream_reader import read_patiently, stored_messages
from infra.log.tapes import tapes_of
from infra.metrics.table import APPEND_TIME, REFUSED
from infra.telemetry.stages import record_stages
from infra.telemetry.traces import publishing

log = logging.getLogger(__name__)

ACK_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Fact:
    """An event with its place in the log: a sequence of the stream that has its session."""

    sequence: int
    event: Event


@dataclass(frozen=True, slots=True)
class ExpectedSequence:
    """Optimistic concurrency: store a fact only while the last one on `subjects` is at `last_sequence`.

    It keeps out an owner that does not yet know that another has taken over.

    `subjects` is a filter such as `session_subjects(session_id, "reply")` of the topology.
    """

    subjects: str
    last_sequence: int


class NewerFact(CannotRun):
    """A newer program wrote a fact: whoever left it out would decide on a part of what has happened."""

    def __init__(self, sequence: int, subject: str, error: NewerVersion) -> None:
        super().__init__(f"fact {sequence} on {subject}: {error}")


class StaleWriter(RuntimeError):
    """Another owner has appended on these subjects since: this one must stop."""


class LogUnavailable(RuntimeError):
    """The log did not store a fact in time, or refused it (a full disk): the fact is not stored."""


async def append(
    broker: NatsBroker, event: Event, expected: ExpectedSequence | None = None, patience_s: float = 60
) -> int:
    """Store a fact and return its sequence, once it is on disk.

    While NATS is away it retries with the same id, so the fact is stored once. Raises StaleWriter if `subjects` has
    moved on, LogUnavailable after `patience_s`. If it is cancelled, the fact may be stored or not.
    """
    return (await append_once(broker, event, expected, patience_s)).sequence


@dataclass(frozen=True, slots=True)
class Appended:
    """A fact's place in the log. `by_another`: it had been stored before, perhaps with other times."""

    sequence: int
    by_another: bool = False


async def append_once(
    broker: NatsBroker, event: Event, expected: ExpectedSequence | None = None, patience_s: float = 60
) -> Appended:
    """Do the same as `append`, and tell whether the fact was there already."""
    if not event.appended_by:
        event = event.model_copy(update={"appended_by": tapes_of(broker).instance})
    with publishing(event) as headers:
        appended = await _stored(broker, event, expected, patience_s, headers)
    if not appended.by_another:
        record_stages(event)
    return appended


async def _stored(
    broker: NatsBroker, event: Event, expected: ExpectedSequence | None, patience_s: float, headers: dict[str, str]
) -> Appended:
    headers |= {"Nats-Msg-Id": event.event_id, "Daredevil-Event": type(event).__name__}
    if expected is not None:
        headers["Nats-Expected-Last-Subject-Sequence"] = str(expected.last_sequence)
        headers["Nats-Expected-Last-Subject-Sequence-Subject"] = expected.subjects
    deadline = time.monotonic() + patience_s
    delay_s = 0.1
    while True:
        tried_s = time.monotonic()
        try:
            subject = subject_of(event)
            stream = (await streams_of_log(connection(broker))).of(subject)
            ack = await broker.publish(
                event, subject, headers=headers, stream=stream, timeout=min(ACK_TIMEOUT_S, patience_s)
            )
            assert isinstance(ack, PubAck)
            refusals.stored()
            _measure(tried_s)
            return Appended(ack.seq, bool(ack.duplicate))
        except APIError as error:
            if error.err_code == WRONG_LAST_SEQUENCE and expected is not None:
                _measure(tried_s, "conflict")
                return Appended(await _own_last(broker, event, expected), by_another=True)
            problem: Exception = error
        except (NatsError, TimeoutError, OSError) as error:
            problem = error
        refusals.refused(tried_s, time.monotonic())
        REFUSED.add(1)
        _measure(tried_s, "timeout" if isinstance(problem, TimeoutError) else "failed")
        is_gone = connection(broker).is_closed  # a command's: that of a process reconnects
        if is_gone or time.monotonic() + delay_s > deadline:
            why = "NATS went away, or does not answer any more: try again" if is_gone else repr(problem)
            reason = f"{type(event).__name__} of {event.session_id} was not stored: {why}"
            raise LogUnavailable(reason) from problem
        if delay_s == 0.1:
            log.warning("%s of %s is not stored yet (%r); retrying", type(event).__name__, event.session_id, problem)
        await asyncio.sleep(delay_s)
        delay_s = min(delay_s * 2, 2)


def _measure(tried_s: float, error: str = "") -> None:
    APPEND_TIME.record(time.monotonic() - tried_s, "nats", "publish", VOICE, error)


async def deliver_again(broker: NatsBroker, event: Event, occasion: str) -> None:
    """Store a fact once more, so that it is delivered to its durables again; readers skip it by its id.

    For one `occasion` it is stored once, whoever appends it. Raises nats errors, TimeoutError.
    """
    headers = {"Nats-Msg-Id": f"{event.event_id}:again:{occasion}", "Daredevil-Event": type(event).__name__}
    stream = (await streams_of_log(connection(broker))).of(subject_of(event))
    await broker.publish(event, subject_of(event), headers=headers, stream=stream, timeout=ACK_TIMEOUT_S)


async def _own_last(broker: NatsBroker, event: Event, expected: ExpectedSequence) -> int:
    """Return the sequence of this very event if it is stored already. Raises StaleWriter if another one is.

    NATS checks the expected sequence before it looks for duplicates: the retry of an append whose answer was lost
    looks like a conflict with another owner.
    """
    for fact in await facts_after(broker, event.session_id, expected.last_sequence):
        if fact.event.event_id == event.event_id:
            return fact.sequence
    raise StaleWriter(f"{type(event).__name__} of {event.session_id} was not stored: another owner has taken over")


async def history(
    nc: Client, session_id: str, after: int = 0, timeout_s: float = 5, subjects: str = ""
) -> AsyncIterator[Fact]:
    """Yield a session's facts with sequence above `after`, in order, each event id once.

    `subjects` is a filter for a part of them, such as `session_subjects(session_id, "turn")`. It takes
    about 1 ms for a few facts, 4 ms for 50. What is no event, or one that this version does not know, is skipped.
    Raises NewerFact, and what `stored_messages` raises.
    """
    seen: set[str] = set()
    wanted = subjects or session_subjects(session_id)
    stream = (await streams_of_log(nc)).of(wanted)
    async for message in stored_messages(nc, stream, wanted, after + 1, timeout_s=timeout_s):
        try:
            event = decode(message.subject, message.data)
        except NewerVersion as error:
            raise NewerFact(message.sequence, message.subject, error) from error
        except Undecodable:
            continue
        if event.event_id not in seen:
            seen.add(event.event_id)
            yield Fact(message.sequence, event)


async def facts_after(
    broker: NatsBroker, session_id: str, after: int = 0, patience_s: float = 60, subjects: str = ""
) -> list[Fact]:
    """Return a session's facts as `history` yields them, and wait while NATS is away.

    Raises NewerFact, and the last problem after `patience_s`.
    """

    async def read() -> list[Fact]:
        return [fact async for fact in history(connection(broker), session_id, after, subjects=subjects)]

    return await read_patiently(read, session_id, patience_s)


async def read_fact(nc: Client, session_id: str, sequence: int) -> Fact | None:
    """Return the fact of a session at a place in the log; None if it cannot be read now, or by this version."""
    try:
        stream = (await streams_of_log(nc)).of(session_subjects(session_id))
        message = await nc.jetstream().get_msg(stream, sequence, direct=True)
        return Fact(sequence, decode(message.subject or "", message.data or b""))
    except (NatsError, TimeoutError, OSError, Undecodable) as error:
        log.warning("fact %d could not be read: %r", sequence, error)
        return None
