"""Our topics in Pulsar: one producer each, how far each is, and sending without waiting."""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pulsar
from _pulsar import MessageBuilder

from infra.settings import Settings
from projections.projector import AnotherCopy, Stopped
from projections.pulsar.access import client_options
from projections.pulsar.routing import PRODUCERS, TopicMessage

IN_FLIGHT = 1000
"""The most messages in flight: their bytes are in memory until the broker has synced them."""

OPERATION_TIMEOUT_S = 5
CONNECTION_TIMEOUT_MS = 2000
READ_TIMEOUT_MS = 5000


class PulsarAway(RuntimeError):
    """Pulsar cannot be reached, or failed."""


class NotOurs(Stopped):
    """A topic holds messages that this projection has not written."""


@dataclass(frozen=True, slots=True)
class TopicEnd:
    """Where a topic ends: the last sequence that Pulsar has, and its message if that is still stored."""

    sequence: int
    payload: bytes | None


def connect(settings: Settings) -> Any:
    """Return a client, which connects on first use. Raises PulsarAway if the address is invalid, or NoAccess."""
    options = client_options(settings)
    try:
        return pulsar.Client(
            settings.pulsar_url,
            **options,
            operation_timeout_seconds=OPERATION_TIMEOUT_S,
            connection_timeout_ms=CONNECTION_TIMEOUT_MS,
            # The important part of what it logs is also in its results.
            logger=pulsar.FileLogger(pulsar.LoggerLevel.Error, os.devnull),
        )
    except (pulsar.PulsarException, ValueError, RuntimeError) as error:
        raise PulsarAway(f"{settings.pulsar_url!r} is not an address of a Pulsar: {error}") from error


class Topics:
    """The producers of all topics. Created by `open_topics`; always `close` it."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._producers: dict[str, Any] = {}
        self._senders: dict[str, Callable[[Any, Callable[[Any, Any], None]], None]] = {}
        self._results: dict[Any, Any] = {pulsar.Result.Ok: None}
        # Called for each message in the client's own thread, which has to wait for this interpreter then. So it is a
        # function without any Python in it: it keeps which results there were, as keys. How far the topics are is
        # asked for now and then (`stored`).
        self._answered: Callable[[Any, Any], None] = self._results.__setitem__
        self.ends: dict[str, TopicEnd] = {}
        self.last = 0
        """The furthest end of a topic when they were opened: later facts go to all of their topics."""
        self.problem: str | None = None

    def open(self) -> None:
        """Create the producers and find out where each topic ends; blocks, some seconds if Pulsar is away.

        Raises PulsarAway, AnotherCopy, NotOurs.
        """
        for topic, name in PRODUCERS.items():
            try:
                producer = self._client.create_producer(
                    topic,
                    producer_name=name,
                    # Sent again until it is stored: a message that timed out would leave a gap.
                    send_timeout_millis=0,
                    # Within a batch, custom sequence ids lose and duplicate messages.
                    batching_enabled=False,
                    max_pending_messages=2 * IN_FLIGHT,
                )
                self._producers[topic], self._senders[topic] = producer, producer._producer.send_async
                self.ends[topic] = end = self._end_of(topic, producer)
                self.last = max(self.last, end.sequence)
            except pulsar.ProducerBusy as error:
                raise AnotherCopy(f"another copy writes {topic}") from error
            except pulsar.PulsarException as error:
                raise PulsarAway(f"{topic}: {error}") from error

    def _end_of(self, topic: str, producer: Any) -> TopicEnd:
        """Deduplication forgets a producer that was away for hours, and retention drops messages: request both."""
        remembered = producer.last_sequence_id()
        reader = self._client.create_reader(topic, pulsar.MessageId.latest, start_message_id_inclusive=True)
        try:
            if not reader.has_message_available():
                return TopicEnd(max(0, remembered), None)
            message = reader.read_next(READ_TIMEOUT_MS)
        finally:
            reader.close()
        try:
            sequence = int(message.properties()["sequence"])
        except (KeyError, ValueError) as error:
            raise NotOurs(
                f"the last message of {topic} has no sequence of a log: another program writes there; "
                "use another Pulsar, or delete the topic (it is rebuilt from the log)"
            ) from error
        return TopicEnd(sequence, message.data()) if sequence >= remembered else TopicEnd(remembered, None)

    def send(self, message: TopicMessage) -> None:
        """Send a message; returns at once. Keep to `IN_FLIGHT`, and to the log's order."""
        # What `Producer.send_async` does, without its checks of every argument: a fifth of all the work.
        builder = MessageBuilder()
        builder.content(message.payload)
        builder.properties(message.properties)
        builder.partition_key(message.key)
        builder.sequence_id(message.sequence)
        builder.event_timestamp(message.event_time_ms)
        self._senders[message.topic](builder.build(), self._answered)
        if len(self._results) > 1 and self.problem is None:
            self._look_at_results(f"fact {message.sequence}")

    @property
    def connected(self) -> bool:
        """Whether every producer has its connection."""
        return all(producer.is_connected() for producer in self._producers.values())

    def stored(self) -> dict[str, int]:
        """Return up to which sequence each topic has all that was sent; if a message failed there is a `problem`."""
        ends = {topic: producer.last_sequence_id() for topic, producer in self._producers.items()}
        # After that: the client reports a failure before it continues with later messages.
        if len(self._results) > 1 and self.problem is None:
            self._look_at_results("a fact")
        return ends

    def _look_at_results(self, what: str) -> None:
        bad = [result for result in list(self._results) if result != pulsar.Result.Ok]
        self.problem = f"{what} was not stored: {bad[0].name}"

    def close(self) -> None:
        """Release everything at once; messages in flight may be stored or not. Blocks for some ms."""
        self._client.shutdown()


async def open_topics(settings: Settings) -> Topics:
    """Return the opened topics. Raises PulsarAway, AnotherCopy, NotOurs."""
    topics = Topics(connect(settings))
    opening = asyncio.create_task(asyncio.to_thread(topics.open), name="opening the topics")
    try:
        await asyncio.shield(opening)
    except BaseException:
        await asyncio.wait([opening])  # the thread cannot be stopped; it takes seconds at most
        await asyncio.to_thread(topics.close)
        raise
    return topics
