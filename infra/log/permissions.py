"""What each process may publish and subscribe to on NATS, and ask of JetStream, from the topology. Pure.

An actor that is taken over can read the log, and append the facts that it appends anyway. It cannot append another's,
answer another's requests, take another's messages, or change a stream. Nor can it have JetStream do so: whoever asks
JetStream chooses where the answer goes, and NATS checks no permissions there. So a process asks from an account of its
own (`infra.log.nats_users`), where nobody listens but itself.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from contracts.events import Event
from contracts.topology import (
    APPS,
    BRIDGE,
    BUCKETS,
    CHANNELS,
    DEAD,
    DEAD_LETTER,
    DURABLES,
    ERASURE,
    EVENTS,
    HTTP,
    LISTENERS,
    LIVE,
    LIVEKIT_ROOM,
    OPERATOR,
    PROJECTION_POSTGRES,
    PROJECTION_PULSAR,
    READER,
    REQUESTS,
    STREAMS,
    Address,
    event_subjects,
    health_subject,
    inbox_prefix,
    log_streams,
    mapped_subjects,
    role_of,
    status_subject,
    streams,
    tail_of,
    user_of,
)

JETSTREAM = "$JS."
API = f"{JETSTREAM}API"
ACK = f"{JETSTREAM}ACK"
LOOK = tuple(
    f"{API}.{what}"
    for what in ("INFO", "STREAM.LIST", "STREAM.NAMES", "STREAM.INFO.*", "CONSUMER.INFO.*.*", "CONSUMER.LIST.*")
)
"""What JetStream has, and how it is."""

USER_INFO = "$SYS.REQ.USER.INFO"
"""Where a user of NATS asks what it may do."""

ANYBODYS_INBOX = "_INBOX.>"
"""Where a process answers: inboxes have random names, and only their owner may subscribe to them."""

ERASES = (BRIDGE, HTTP)
"""The doors with the HTTP API: an operator erases sessions there."""


@dataclass(frozen=True, slots=True)
class Permissions:
    """The subjects that a process may publish and subscribe to, and those at which it asks JetStream."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]
    jetstream: tuple[str, ...] = ()


EVERYTHING = Permissions((">",), (">",))


def permissions_of(user: str, partitions: int = 1) -> Permissions:
    """Return what a user of NATS may do: a process, `operator`, `reader`, or a projection of somebody's own.

    `partitions` is how many the log has.
    """
    if user == OPERATOR:
        return EVERYTHING
    if user == READER:
        return _reader(partitions)
    known = [process for process in (*APPS, LIVEKIT_ROOM) if user_of(process) == user]
    # The page's process serves the HTTP API, too. A projection of somebody's own does what ours do.
    processes = [*known, *((HTTP,) if user == BRIDGE else ()), *(() if known else (user, PROJECTION_PULSAR))]
    publish = [subject for process in processes for subject in _publishes(process, partitions)]
    subscribe = [subject for process in processes for subject in _subscribes(process)]
    return _apart(publish, subscribe)


def _apart(publish: Iterable[str], subscribe: Iterable[str]) -> Permissions:
    every = _each_once(publish)
    asked = tuple(subject for subject in every if subject.startswith(JETSTREAM))
    return Permissions(tuple(subject for subject in every if subject not in asked), _each_once(subscribe), asked)


def users() -> tuple[str, ...]:
    """Return all users: one for each process, whoever may do everything, and whoever only reads."""
    return (OPERATOR, *APPS, READER)


def _reader(partitions: int) -> Permissions:
    heard = [channel.address.pattern for channel in CHANNELS]
    stored = [stream.name for stream in streams(partitions)]
    return _apart((*LOOK, *_reading(stored)), (f"{inbox_prefix(READER)}.>", LIVE.pattern, *heard))


def _publishes(process: str, partitions: int) -> Iterator[str]:
    yield from (*LOOK, ANYBODYS_INBOX, USER_INFO)
    roles = {role_of(process), *((ERASURE,) if process in ERASES else ())}
    yield from (_stored_from(row.event, partitions) for row in EVENTS if roles.intersection(row.publishers))
    yield from (channel.address.pattern for channel in CHANNELS if process in channel.senders)
    yield from (request.address.pattern for request in REQUESTS if process in request.asked_by)
    yield from _reading(
        [*log_streams(partitions), *(each.stream for each in CHANNELS if each.stream and process in each.readers)]
    )
    yield from (f"{API}.STREAM.CREATE.{stream.name}" for stream in STREAMS if process in stream.creators)
    for durable in DURABLES:
        if durable.actor == process:
            for stream_name in log_streams(partitions):
                yield f"{API}.CONSUMER.MSG.NEXT.{stream_name}.{durable.name}"
                yield f"{ACK}.{stream_name}.{durable.name}.>"
    yield from _buckets(process)
    if process == PROJECTION_POSTGRES:
        yield f"{API}.STREAM.MSG.DELETE.{DEAD}"
    if process in ERASES:
        stored = [*(stream.name for stream in streams(partitions)), *(bucket.stream for bucket in BUCKETS)]
        yield from _reading(stored)
        yield from (f"{API}.STREAM.{how}.{name}" for name in stored for how in ("MSG.DELETE", "PURGE"))


def _stored_from(event: type[Event], partitions: int) -> str:
    """Return where NATS asks for the right to publish an event: after it has mapped it to its partition."""
    return event_subjects(event) if partitions == 1 else mapped_subjects(tail=tail_of(event))


def _reading(names: Iterable[str]) -> Iterator[str]:
    """Yield what reads stored messages. No consumer is made: it may deliver to any subject of the log's account."""
    for name in names:
        yield from (f"{API}.DIRECT.GET.{name}", f"{API}.DIRECT.GET.{name}.>", f"{API}.STREAM.MSG.GET.{name}")


def _buckets(process: str) -> Iterator[str]:
    for bucket in BUCKETS:
        if process in (*bucket.writers, *bucket.readers):
            yield from _reading([bucket.stream])
        if process in bucket.writers:
            yield bucket.all_keys
            yield f"{API}.STREAM.PURGE.{bucket.stream}"
            if bucket.storage == "memory":
                yield f"{API}.STREAM.CREATE.{bucket.stream}"


def _subscribes(process: str) -> Iterator[str]:
    yield f"{inbox_prefix(process)}.>"
    # What happened, and which turns failed: their traces are kept.
    yield from (LIVE.pattern, DEAD_LETTER.address.pattern)
    yield from (health_subject(process), status_subject(process))
    yield from (bucket.subjects for bucket in BUCKETS if process in bucket.listeners)
    for listener in LISTENERS:
        if listener.process == process:
            yield from (Address(subject).pattern for subject in listener.subjects)
    yield from (channel.address.pattern for channel in CHANNELS if process in channel.listeners)
    for request in REQUESTS:
        for answering in request.answering:
            if process in answering.processes:
                yield Address(answering.subject).pattern


def _each_once(subjects: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(subjects))
