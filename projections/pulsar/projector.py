"""The running projection: follows the log, sends what follows, and restarts after every outage."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Sequence

from nats.aio.client import Client

from contracts.codec import Undecodable
from contracts.topology import VOICE
from infra.log.stream_reader import StoredMessage, read_batch
from infra.process.tasks import cancellation_kept, own_cancellation_only
from infra.settings import Settings
from projections.known_events import FromTheFuture
from projections.projector import Projector, Stopped
from projections.pulsar.access import NoAccess
from projections.pulsar.admin import AdminProblem, provision
from projections.pulsar.routing import PRODUCERS, TopicMessage, messages_of
from projections.pulsar.row import PULSAR
from projections.pulsar.topics import IN_FLIGHT, PulsarAway, TopicEnd, Topics, open_topics
from projections.pulsar.window import Window
from projections.status import Status, log_ends

log = logging.getLogger(__name__)

SILENT_S = 3.0
"""Pulsar counts as away when it has not answered for this long and a connection is down."""

HUNG_S = 60.0
"""… or for this long with its connections up."""

SHORT_PAUSE_S, LONG_PAUSE_S = 0.002, 0.05
"""Time between checks of what has been stored: short while answers come, else longer."""


class PulsarProjector(Projector):
    """One copy of the projection."""

    def __init__(self, nc: Client, settings: Settings) -> None:
        super().__init__(PULSAR.process)
        self._nc = nc
        self._settings = settings
        self._window = Window(PRODUCERS)
        self._room = asyncio.Event()
        self._sent = asyncio.Event()
        self._answered_s = time.monotonic()
        self._provisioned = False

    @property
    def position(self) -> int:
        """The last sequence of the log with everything up to it in Pulsar."""
        return self._window.position

    def status(self) -> Status:
        """Return its current status."""
        self._status.position = self._window.position
        return super().status()

    def server_away(self, error: Exception) -> str:
        """Return the problem if Pulsar is unreachable or refuses us; then its topics are checked again too."""
        if not isinstance(error, PulsarAway | AdminProblem | NoAccess):
            return ""
        self._provisioned = False
        return f"for Pulsar: {error}"

    async def project(self) -> None:
        """Send the facts after the topics' ends. Raises as `Projector.project` does."""
        if not self._provisioned:
            with cancellation_kept():
                await asyncio.to_thread(provision, self._settings)
            self._provisioned = True
        topics = await open_topics(self._settings)
        try:
            await self._check_same_log(topics.ends)
            after = min(end.sequence for end in topics.ends.values())
            self._window = Window(PRODUCERS, after)
            self._answered_s = time.monotonic()
            settling = asyncio.create_task(self._settle(topics, self._window), name="what Pulsar has stored")
            try:
                await self._send_from(after, topics)
            finally:
                settling.cancel()
                await asyncio.wait([settling])
        finally:
            await asyncio.shield(asyncio.to_thread(topics.close))

    async def _send_from(self, after: int, topics: Topics) -> None:
        async def keep(facts: Sequence[StoredMessage]) -> None:
            for fact in facts:
                await self._send(topics, fact)
            self._check(topics)

        try:
            await self.follow(self._nc, after, keep)
        except Stopped:
            # Closing drops messages in flight, and nobody would send them again before an operator helps.
            await self._until_stored(topics)
            raise

    async def _send(self, topics: Topics, fact: StoredMessage) -> None:
        messages = self._messages_of(fact)
        if fact.sequence <= topics.last:
            messages = [m for m in messages if m.sequence > topics.ends[m.topic].sequence]
        while self._window.in_flight + len(messages) > IN_FLIGHT:
            self._room.clear()
            await self._wait_for_room(topics)
        if not self._window.in_flight:
            self._answered_s = time.monotonic()  # no answer was due until now
        self._window.sent(fact.sequence, [message.topic for message in messages])
        for message in messages:
            topics.send(message)
        if messages:
            self._sent.set()

    def _messages_of(self, fact: StoredMessage) -> list[TopicMessage]:
        try:
            return messages_of(fact)
        except FromTheFuture as error:
            raise Stopped(str(error)) from error
        except Undecodable as error:
            # It is in DEAD, as no actor can read it either.
            self.note_error(f"fact {fact.sequence} left out: {error}")
            return []

    async def _until_stored(self, topics: Topics) -> None:
        """Wait until Pulsar has stored all that was sent. Raises PulsarAway, Stopped."""
        while self._window.in_flight:
            self._check(topics)
            await asyncio.sleep(SHORT_PAUSE_S)

    async def _wait_for_room(self, topics: Topics) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                await self._room.wait()
        self._check(topics)

    def _check(self, topics: Topics) -> None:
        """Check whether Pulsar is still available. Raises PulsarAway, Stopped."""
        if topics.problem is not None:
            if "TooBig" in topics.problem:
                raise Stopped(f"{topics.problem}: raise the broker's maxMessageSize, and it goes on")
            raise PulsarAway(topics.problem)
        silent_s = time.monotonic() - self._answered_s if self._window.in_flight else 0
        if silent_s > HUNG_S or (silent_s > SILENT_S and not topics.connected):
            raise PulsarAway(f"no answer for {silent_s:.0f} s")

    async def _settle(self, topics: Topics, window: Window) -> None:
        """Track what Pulsar has stored, often while messages are in flight; until cancelled."""
        try:
            with own_cancellation_only():
                await self._note_what_is_stored(topics, window)
        except Exception as error:
            topics.problem = f"Pulsar's last stored sequence cannot be read: {error!r}"
            raise

    async def _note_what_is_stored(self, topics: Topics, window: Window) -> None:
        pause_s = SHORT_PAUSE_S
        while True:
            await asyncio.sleep(pause_s)
            stored = window.stored(topics.stored())
            if stored:
                self._answered_s = time.monotonic()
            if window.in_flight <= IN_FLIGHT // 2 or topics.problem:
                self._room.set()
            if not window.in_flight:
                self._sent.clear()
                await self._sent.wait()
            pause_s = SHORT_PAUSE_S if stored else min(pause_s * 2, LONG_PAUSE_S)

    async def _check_same_log(self, ends: dict[str, TopicEnd]) -> None:
        """Check that the topics were written from this log. Raises Stopped, nats errors."""
        ends_of_log = await log_ends(self._nc)
        if len(ends_of_log) > 1:
            # A topic's sequences are those of one stream: by them a producer goes on.
            raise Stopped("topics are written from a log of one partition, and this one has several (docs/scale.md)")
        last = ends_of_log.total
        for topic, end in ends.items():
            other = f"{topic} was written from another log"
            what_to_do = "delete the topic (it is rebuilt from this log), or use another Pulsar"
            if end.sequence > last:
                raise Stopped(f"{other}: it ends with fact {end.sequence}, this log with {last}; {what_to_do}")
            if end.payload is None:
                continue
            there = (await read_batch(self._nc, VOICE, ">", end.sequence, 1)).messages
            if not there or there[0].sequence != end.sequence:
                continue  # erased since, or too old
            expected = [message for message in _known(there[0]) if message.topic == topic]
            if not expected or expected[0].payload != end.payload:
                raise Stopped(f"{other}: its last message, {end.sequence}, is not this log's; {what_to_do}")


def _known(fact: StoredMessage) -> list[TopicMessage]:
    try:
        return messages_of(fact)
    except (FromTheFuture, Undecodable):
        return []
