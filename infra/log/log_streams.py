"""Which streams the log is on a NATS server: one, or one for each partition. The server is asked, once a connection."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from nats.aio.client import Client
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js import JetStreamContext
from nats.js.api import StreamInfo
from nats.js.errors import APIError, NoStreamResponseError, NotFoundError

from contracts.topology import FACTS, VOICE, log_stream, log_streams, mapping
from infra.cannot_run import CannotRun
from infra.log.jetstream_errors import WRONG_LAST_SEQUENCE, WRONG_STREAM
from infra.log.stream_reader import StoredMessage, has_stream, last_messages, stored_messages
from infra.log.wanted_streams import PARTITIONS
from infra.settings import settings
from infra.settings_given import how_to_unset

NEVER = 2**62
"""A sequence at which no stream ends: a message that expects it is refused, and nothing is stored."""

ATTEMPTS, AGAIN_S, CHECK_S = 5, 0.2, 2.0

_known: "WeakKeyDictionary[Client, LogStreams]" = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class LogStreams:
    """The streams of a log, in the order of their partitions."""

    partitions: int

    @property
    def names(self) -> tuple[str, ...]:
        """Their names."""
        return log_streams(self.partitions)

    def of(self, subject: str) -> str:
        """Return the stream that has the facts on a subject with a session in it (not a wildcard)."""
        return log_stream(subject, self.partitions)

    def of_filter(self, subjects: str) -> tuple[str, ...]:
        """Return the streams that may have facts on a filter: one, if it names a session."""
        session = subjects.split(".")[1:2]
        return self.names if session in ([], ["*"], [">"]) else (self.of(subjects),)

    def place(self, stream: str, sequence: int) -> int:
        """Return a number that is unique in the whole log, and grows with the sequences of a stream.

        With one partition it is the sequence.
        """
        return sequence * self.partitions + self.names.index(stream)


class OtherPartitions(CannotRun):
    """The log has another number of partitions than the settings want."""

    exit_code = 2

    def __init__(self, there: int, wanted: str, remedy: str) -> None:
        """`wanted` is what differs, such as `--partitions wants 2`; `remedy` is how to have as many as there are."""
        streams = " ".join(f"`nats stream rm {name}`" for name in log_streams(there)[:2])
        super().__init__(
            f"the log on NATS has {_counted(there)}, and {wanted}. Their number is chosen when "
            f"the log is created, as each session stays where it is: {remedy}, or begin a new log "
            f"(another NATS account or data directory). A log without facts may be deleted ({streams} …) and "
            "provisioned again"
        )


class PartitionsChanged(CannotRun):
    """The log was deleted and made again, with another number of partitions, while this process ran."""

    def __init__(self, before: int, there: int) -> None:
        super().__init__(
            f"the log on NATS has {_counted(there)}, and had {before} when this process began: restart the process"
        )


class NotMapped(CannotRun):
    """The server does not send facts to the streams of the log."""

    def __init__(self, partitions: int) -> None:
        source, destination = mapping(partitions)
        what = (
            f"remove the mapping of `{FACTS.pattern}` from"
            if partitions == 1
            else f'add `mappings: {{ "{source}": "{destination}" }}` to'
        )
        super().__init__(
            f"NATS does not store facts where the log has them, which is in {_counted(partitions)}: {what} the "
            "configuration of each server (of the account, where it has accounts) and reload it (`nats-server --signal "
            "reload`)"
        )


def _counted(partitions: int) -> str:
    return f"{partitions} partition{'s' if partitions > 1 else ''}"


def client_of(js: JetStreamContext) -> Client:
    """Return the connection of a JetStream context."""
    client: Client = js._nc
    return client


async def look(nc: Client) -> LogStreams | None:
    """Ask which streams the log is; None if there is none. Raises nats errors."""
    js = nc.jetstream()
    try:
        await js.stream_info(VOICE)
    except NotFoundError:
        pass
    else:
        return LogStreams(1)
    first = log_streams(2)[0]
    try:
        metadata = (await js.stream_info(first)).config.metadata or {}
    except NotFoundError:
        return None
    return LogStreams(int(metadata.get(PARTITIONS, "1")))


async def streams_of_log(nc: Client) -> LogStreams:
    """Return the log's streams; those that the settings want, while there is no log. Raises nats errors."""
    known = _known.get(nc)
    if known is None:
        known = await look(nc)
        if known is None:
            return LogStreams(settings().partitions or 1)
        _known[nc] = known
    return known


async def checked_streams(nc: Client, wanted: int) -> LogStreams:
    """Ask again which streams the log is; those that are `wanted` (0: any), if there is none.

    Raises OtherPartitions if it is not as the settings want it, PartitionsChanged if it is not as it was when this
    process began; nats errors.
    """
    before = _known.get(nc)
    there = await look(nc)
    if there is None:
        return before or LogStreams(wanted or 1)
    if wanted and there.partitions != wanted:
        raise OtherPartitions(there.partitions, f"DAREDEVIL_PARTITIONS wants {wanted}", how_to_unset("partitions"))
    if before is not None and before != there:
        raise PartitionsChanged(before.partitions, there.partitions)
    _known[nc] = there
    return there


def forget_streams(nc: Client) -> None:
    """Have the server asked again: the log's streams were deleted."""
    _known.pop(nc, None)


async def has_log(nc: Client) -> bool:
    """Return whether the server has a log: one that was never used has none. Raises nats errors."""
    return all(await asyncio.gather(*(has_stream(nc, name) for name in (await streams_of_log(nc)).names)))


async def check_mapped(nc: Client, streams: LogStreams) -> None:
    """Check that a fact of each partition would get to its stream; nothing is stored.

    A plain subscription to the facts of a log of one stream hears the question, a message without a body. A user who
    may not publish any fact gets no answer, and nothing is found wrong. Raises NotMapped, nats errors.
    """
    js = nc.jetstream(timeout=CHECK_S)
    for name in streams.names:
        subject = FACTS.of(_session_in(streams, name), "partition", "checked")
        headers = {"Nats-Expected-Last-Sequence": str(NEVER)}
        for attempt in range(ATTEMPTS):
            try:
                await js.publish(subject, b"", stream=name, headers=headers)
            except NoStreamResponseError as error:
                # The other servers of a cluster hear a little later of a stream that was just created.
                if attempt + 1 == ATTEMPTS:
                    raise NotMapped(streams.partitions) from error
                await asyncio.sleep(AGAIN_S)
            except NatsTimeoutError:
                return
            except APIError as error:
                if error.err_code == WRONG_STREAM:
                    raise NotMapped(streams.partitions) from error
                if error.err_code != WRONG_LAST_SEQUENCE:
                    raise
                break


def _session_in(streams: LogStreams, name: str) -> str:
    """Return an id that NATS gives to a partition."""
    return next(found for number in range(10**6) if streams.of(FACTS.of(found := f"x{number}", "*", "*")) == name)


async def log_infos(nc: Client, subjects: str | None = None) -> list[StreamInfo]:
    """Return the state of each stream of the log, with `subjects` and how many facts each has on them.

    Raises NotFoundError without a log, nats errors.
    """
    js, names = nc.jetstream(), (await streams_of_log(nc)).names
    return await asyncio.gather(*(js.stream_info(name, subjects_filter=subjects) for name in names))


async def subjects_in_log(nc: Client, subjects: str) -> dict[str, int]:
    """Return the subjects that match a filter, each with its number of facts. Raises as `log_infos` does."""
    return {subject: count for info in await log_infos(nc, subjects) for subject, count in _subjects(info).items()}


def _subjects(info: StreamInfo) -> dict[str, int]:
    return info.state.subjects or {}


async def log_messages(nc: Client, subjects: str = ">") -> AsyncIterator[StoredMessage]:
    """Yield the log's messages on a filter: in order within a session, one partition after the other.

    Raises as `stored_messages` does.
    """
    for name in (await streams_of_log(nc)).of_filter(subjects):
        async for message in stored_messages(nc, name, subjects):
            yield message


async def last_in_log(nc: Client, subjects: Iterable[str]) -> list[StoredMessage]:
    """Return the last message on each subject, all with a session in them. Raises as `last_messages` does."""
    streams = await streams_of_log(nc)
    by_stream: dict[str, list[str]] = {}
    for subject in subjects:
        by_stream.setdefault(streams.of(subject), []).append(subject)
    return [message for name, wanted in by_stream.items() for message in await last_messages(nc, name, wanted)]
