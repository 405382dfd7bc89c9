"""Streams, buckets and durables as the topology and the settings want them: what differs, and putting it right.

An operator's `provision` makes everything as it should be, again and again with the same result. A process only creates
what it lacks, and, where NATS asks for credentials, only what its user may create (`provide`).
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from nats.errors import TimeoutError as NatsTimeoutError
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig, StreamConfig
from nats.js.errors import APIError, NotFoundError

from contracts.topology import DURABLES, RESTORING, Durable, streams
from infra.cannot_run import CannotRun
from infra.log.jetstream_errors import IN_USE, LIMITS, NO_MEMORY, NO_PEERS, NO_ROOM, NOT_CLUSTERED
from infra.log.log_streams import check_mapped, checked_streams, client_of, streams_of_log
from infra.log.wanted_streams import (
    CONSUMER_FIELDS,
    FIXED,
    STREAM_FIELDS,
    consumer_config,
    is_wanted,
    shown_field,
    stream_config,
    wanted_buckets,
    wanted_fields,
)
from infra.settings import Settings, settings

log = logging.getLogger(__name__)

ATTEMPTS = 20

Report = Callable[[str], None]


class NotProvisioned(CannotRun):
    """Something is missing on NATS, or is not as it should be, and this process cannot put it right."""


class NotYetRestored(CannotRun):
    """A backup is being restored into this NATS, or that was cut short; `remedy` says how to go on."""

    def __init__(self, place: str) -> None:
        self.problem = f"a backup{f' ({place})' if place else ''} is being restored here, or was in part"
        self.remedy = "unless it is still running, run the same `daredevil restore` again: it goes on where it was"
        super().__init__(f"{self.problem}: {self.remedy}")


RESTORED_FROM = "place"
"""Where the backup is, in the metadata of the stream that says that one is being restored."""


async def check_restored(js: JetStreamContext) -> None:
    """Raise NotYetRestored if the log is there in part only; raises nats errors."""
    try:
        begun = await js.stream_info(RESTORING)
    except NotFoundError:
        return
    raise NotYetRestored((begun.config.metadata or {}).get(RESTORED_FROM, ""))


@dataclass(frozen=True, slots=True)
class FieldOnNats:
    """One field of something on NATS: as it is, and as it should be; both as text for people."""

    field: str
    now: str
    wanted: str
    fixed: bool = False
    """It cannot be changed once the thing exists."""


@dataclass(frozen=True, slots=True)
class StreamChange:
    """What has to be done to a stream, a bucket or a durable consumer: create it, or change these fields."""

    kind: str
    name: str
    differences: tuple[FieldOnNats, ...] = ()
    config: StreamConfig | ConsumerConfig | None = None
    is_optional: bool = False
    stream: str = ""
    """Of a durable: the stream of the log that it is in."""
    is_without_cluster: bool = False
    """Its server is in no cluster, so there can be no further replicas."""

    @property
    def what(self) -> str:
        """What it is about, for people; of a durable also the stream, as there is one in each partition."""
        return f"{self.kind} {self.name} of {self.stream}" if self.stream else f"{self.kind} {self.name}"

    @property
    def is_new(self) -> bool:
        """Whether it does not exist."""
        return not self.differences

    @property
    def remedy(self) -> str:
        """What to do by hand, because a field cannot be changed; empty if `provision` can do it all."""
        replicas = next((each.wanted for each in self.differences if each.field == "num_replicas"), "1")
        if self.is_without_cluster and replicas != "1":
            return (
                f"it cannot be kept {replicas} times, as this server is in no cluster: add servers, or set "
                "DAREDEVIL_NATS_REPLICAS=1"
            )
        fixed = [difference.field for difference in self.differences if difference.fixed]
        if not fixed:
            return ""
        what = f"{', '.join(fixed)} of an existing {self.kind} cannot be changed"
        if self.kind == "durable":
            return f"{what}: stop its actor, delete it (`nats consumer rm {self.stream} {self.name}`), provision again"
        stream = self.config.name if isinstance(self.config, StreamConfig) else self.name
        return (
            f"{what}: stop the system, save it (`nats stream backup {stream} DIR`), delete it (`nats stream rm "
            f"{stream}`), provision again, and publish the messages again from the copy"
        )


async def plan(js: JetStreamContext, given: Settings | None = None) -> list[StreamChange]:
    """Return what `provision` would do, in order; nothing is changed. Raises OtherPartitions, nats errors."""
    wanted = given or settings()
    log = await checked_streams(client_of(js), wanted.partitions)
    there = set(await _stream_names(js))
    planned = [
        _stream_change(js, there, "stream", row.name, stream_config(row, wanted, log.partitions), row.is_optional)
        for row in streams(log.partitions)
        if is_wanted(row, wanted)
    ]
    buckets = [
        _stream_change(js, there, "bucket", bucket.name, config, bucket.storage == "memory")
        for bucket, config in wanted_buckets(wanted)
    ]
    durables = [_durable_change(js, there, name, durable) for name in log.names for durable in DURABLES]
    changes = await asyncio.gather(*planned, *buckets, *durables)
    return [change for change in changes if change is not None]


async def _stream_change(
    js: JetStreamContext, there: set[str], kind: str, name: str, wanted: StreamConfig, is_optional: bool = False
) -> StreamChange | None:
    new = StreamChange(kind, name, (), wanted, is_optional)
    if wanted.name not in there:
        return new
    try:
        info = await js.stream_info(wanted.name)
    except NotFoundError:
        return new
    now = info.config
    fields = wanted_fields(wanted, STREAM_FIELDS)
    differences = tuple(_differences(now, wanted, fields))
    # What an operator has set besides, such as a limit, stays.
    changed = now.evolve(**{field: getattr(wanted, field) for field in fields})
    # A server by itself names itself as the leader, and no cluster.
    is_alone = info.cluster is None or not info.cluster.name
    if not differences:
        return None
    return StreamChange(kind, name, differences, changed, is_optional, is_without_cluster=is_alone)


async def _durable_change(js: JetStreamContext, there: set[str], stream: str, durable: Durable) -> StreamChange | None:
    wanted = consumer_config(durable)
    new = StreamChange("durable", durable.name, (), wanted, stream=stream)
    if stream not in there:
        return new
    try:
        now = (await js.consumer_info(stream, durable.name)).config
    except NotFoundError:
        return new
    if now.filter_subject:
        now = replace(now, filter_subjects=[now.filter_subject], filter_subject=None)
    differences = tuple(_differences(now, wanted, CONSUMER_FIELDS))
    return StreamChange("durable", durable.name, differences, wanted, stream=stream) if differences else None


def _differences(now: Any, wanted: Any, fields: tuple[str, ...]) -> Iterator[FieldOnNats]:
    for field in fields:
        before, after = (shown_field(field, getattr(config, field)) for config in (now, wanted))
        if before != after:
            yield FieldOnNats(field, before, after, field in FIXED)


async def provision(
    js: JetStreamContext,
    report: Report = lambda _: None,
    only_missing: bool = False,
    given: Settings | None = None,
) -> list[StreamChange]:
    """Create and change every stream, bucket and durable until all are as the topology and the settings want them.

    With `only_missing` what exists stays as it is. Returns the changes that were not made: they have a `remedy`, or
    were not wanted. Idempotent, and many may do it at once.

    Raises NotProvisioned if NATS cannot do it, OtherPartitions, NotMapped, nats errors.
    """
    changes = await plan(js, given)
    left = [change for change in changes if change.remedy or (only_missing and not change.is_new)]

    async def make(change: StreamChange) -> None:
        if await _create(js, change):
            report(f"{change.what}: {'created' if change.is_new else 'changed'}")

    # Durables are of a stream that has to be there.
    for are_durables in (False, True):
        due = [change for change in changes if change not in left and (change.kind == "durable") == are_durables]
        # All are tried: one that fails leaves none half made.
        results = await asyncio.gather(*(make(change) for change in due), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
    nc = client_of(js)
    log = await checked_streams(nc, 0)
    # Others may listen where a system only starts, and would hear the question where the log is one stream.
    if log.partitions > 1 or not only_missing:
        await check_mapped(nc, log)
    return left


def _in_words(error: APIError, change: StreamChange) -> Exception:
    """Return an error of JetStream that says what to do, where that is known."""
    replicas = (change.config.num_replicas if change.config else None) or 1
    if error.err_code in (NO_PEERS, NOT_CLUSTERED) and replicas > 1:
        why = "this server is in no cluster" if error.err_code == NOT_CLUSTERED else "the cluster has too few servers"
        return NotProvisioned(
            f"{change.what} cannot be kept {replicas} times (DAREDEVIL_NATS_REPLICAS): {why} with "
            f"JetStream and room for it ({error.description}). Add servers, or set DAREDEVIL_NATS_REPLICAS=1"
        )
    if error.err_code in LIMITS:
        return NotProvisioned(
            f"{change.kind} {change.name} cannot be created or changed: {error.description}. Raise that limit of the "
            "account, or of the server (`max_memory_store`, `max_file_store`), and provision again"
        )
    return error


async def _make(js: JetStreamContext, change: StreamChange) -> None:
    config = change.config
    assert config is not None
    if isinstance(config, ConsumerConfig):
        # Creating a consumer that exists updates it.
        await js.add_consumer(change.stream, config)
    elif not change.is_new:
        await js.update_stream(config)
    else:
        await add_stream(js, config)


async def add_stream(js: JetStreamContext, config: StreamConfig) -> None:
    """Create a stream, or find that another process was quicker. Raises nats errors."""
    for attempt in range(ATTEMPTS):
        try:
            await js.add_stream(config)
            return
        except APIError as error:
            if error.err_code == IN_USE:
                return
            # While several create it at once NATS reserves the memory of each, and it asks for it before it looks.
            if error.err_code != NO_MEMORY or attempt == ATTEMPTS - 1:
                raise
            if config.name in await _stream_names(js):
                return
            await asyncio.sleep(0.1)


async def provide(js: JetStreamContext, process: str, is_open: bool) -> None:
    """Create the streams and durables that are missing, so that a process may start.

    Where NATS asks for credentials (it is not `is_open`), a process may create only what is lost with its server, the
    streams in memory: for the rest it needs an operator. A memory stream is gone after a restart of the server, so this
    runs again at each reconnect. Raises NotProvisioned, NotYetRestored, OtherPartitions, nats errors.
    """
    there = set(await _stream_names(js))
    if RESTORING in there:
        await check_restored(js)
    log = await checked_streams(client_of(js), settings().partitions)
    for stream in streams(log.partitions):
        if stream.name in there or not is_wanted(stream, settings()):
            continue
        if is_open or (stream.storage == "memory" and process in stream.creators):
            config = stream_config(stream, settings(), log.partitions)
            await _create(js, StreamChange("stream", stream.name, (), config, stream.is_optional))
        elif stream.storage != "memory" and not stream.is_optional:
            raise _missing("stream", stream.name)
    for name in await missing_durables(js, tuple(each.name for each in DURABLES if is_open or each.actor == process)):
        if not is_open:
            raise _missing("durable", name)
        await provision_durable(js, next(durable for durable in DURABLES if durable.name == name))


def _missing(kind: str, name: str) -> NotProvisioned:
    return NotProvisioned(
        f"{kind} {name} is missing on NATS, and actors may not create it where NATS asks for credentials: run "
        "`daredevil provision` with an operator's credentials"
    )


async def _create(js: JetStreamContext, change: StreamChange) -> bool:
    """Create or change something; return False if it is done without. Raises NotProvisioned, nats errors."""
    try:
        await _make(js, change)
    except APIError as error:
        if not change.is_optional or error.err_code not in (NO_ROOM, NO_MEMORY):
            raise _in_words(error, change) from error
        log.warning("%s: NATS has no room for it; the system runs without", change.what)
        return False
    except NatsTimeoutError as error:
        raise NotProvisioned(
            f"NATS does not answer who creates or changes {change.what}: probably this user may not. Run "
            "`daredevil provision` with an operator's credentials"
        ) from error
    return True


async def _stream_names(js: JetStreamContext) -> list[str]:
    names: list[str] = []
    while True:
        page = await js.streams_info(len(names))
        names += [info.config.name or "" for info in page]
        if len(page) < PAGE:
            return names


PAGE = 256
"""How many entries JetStream lists in one answer."""


async def provision_durable(js: JetStreamContext, durable: Durable) -> None:
    """Create or update a durable consumer of the log, in each partition. Raises nats errors when NATS refuses."""
    for stream in (await streams_of_log(client_of(js))).names:
        await js.add_consumer(stream, consumer_config(durable))


async def missing_durables(js: JetStreamContext, names: tuple[str, ...]) -> list[str]:
    """Return the durables that do not exist: a deleted consumer raises no error, so readiness checks it.

    One that is missing in one partition of the log is missing.
    """
    log = await streams_of_log(client_of(js))
    there = await asyncio.gather(*(_is_everywhere(js, log.names, name) for name in names))
    return [name for name, is_there in zip(names, there, strict=True) if not is_there]


async def _is_everywhere(js: JetStreamContext, streams_of_it: tuple[str, ...], name: str) -> bool:
    return all(await asyncio.gather(*(_has_durable(js, stream, name) for stream in streams_of_it)))


async def _has_durable(js: JetStreamContext, stream: str, name: str) -> bool:
    try:
        await js.consumer_info(stream, name)
    except NotFoundError:
        return False
    return True
