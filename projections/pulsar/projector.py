"""The projection at work: follows the log, sends what follows, and starts again whenever something went away."""

import asyncio
import contextlib
import logging
import os
import time

from faststream.nats import NatsBroker
from nats.errors import Error as NatsError
from nats.js.errors import NotFoundError

from contracts.codec import Undecodable
from contracts.topology import VOICE
from infra.log.connection import cancellation_kept, connection, jetstream
from infra.process.tasks import CancelledElsewhere, own_cancellation_only
from infra.settings import Settings
from projections.pulsar.access import NoAccess
from projections.pulsar.admin import AdminProblem, provision
from projections.pulsar.log_reader import Entry, LogLost, LogReader
from projections.pulsar.routing import PRODUCERS, FromTheFuture, TopicMessage, messages_of
from projections.pulsar.topics import IN_FLIGHT, AnotherCopy, NotOurs, PulsarAway, TopicEnd, Topics, open_topics
from projections.pulsar.window import Window
from projections.status import Rate, Status

log = logging.getLogger(__name__)

NAME = "projection-pulsar"
SILENT_S = 3.0
"""Pulsar counts as away when it has not answered for so long and a connection is down."""

HUNG_S = 60.0
"""… or for so long with its connections up."""

SHORT_PAUSE_S, LONG_PAUSE_S = 0.002, 0.05
"""Between looks at what has been stored: short while answers come, longer while they don't."""

FIRST_DELAY_S, LONGEST_DELAY_S = 0.25, 2.0
BEHIND = 500
"""More facts to come than this is catching up."""


class Stopped(RuntimeError):
    """The projection cannot go on by itself; the message says why and what to do."""


class PulsarProjector:
    """One copy of the projection. `run` it; `status()` says how it is."""

    def __init__(self, broker: NatsBroker, settings: Settings) -> None:
        self._broker = broker
        self._settings = settings
        self._status = Status(NAME, pid=os.getpid())
        self._window = Window(PRODUCERS)
        self._rate = Rate()
        self._room = asyncio.Event()
        self._sent = asyncio.Event()
        self._answered_s = time.monotonic()
        self._provisioned = False

    @property
    def position(self) -> int:
        """The last sequence of the log with everything up to it in Pulsar."""
        return self._window.position

    def status(self) -> Status:
        """Return how it is now."""
        self._status.position = self._window.position
        self._status.events_per_s = self._rate.per_s()
        return self._status

    async def run(self) -> None:
        """Project until cancelled; a problem that needs somebody leaves it stopped, with its status."""
        delay_s, rest_s = FIRST_DELAY_S, 0.0
        while True:
            before = self._window.position
            try:
                with own_cancellation_only():
                    await asyncio.sleep(rest_s)
                    await self._project()
            except CancelledElsewhere as error:
                log.warning("%s; going on", error)
            except (Stopped, NotOurs) as error:
                log.error("stopped: %s", error)
                self._become("stopped", str(error))
                return
            except AnotherCopy as error:
                self._become("standby", str(error))
                delay_s = 1
            except (PulsarAway, AdminProblem, NoAccess) as error:
                self._provisioned = False
                self._become("waiting", f"for Pulsar: {error}")
            except (NatsError, LogLost, OSError, TimeoutError) as error:
                self._become("waiting", f"for NATS: {error or type(error).__name__}")
            except Exception as error:
                # Without this the task would end unseen, and its last status stay.
                log.exception("an unexpected error; starting again")
                self._become("waiting", f"after an unexpected error: {error!r}")
            if self._window.position > before:
                delay_s = FIRST_DELAY_S
            rest_s = delay_s
            delay_s = min(delay_s * 2, LONGEST_DELAY_S)

    def _become(self, state: str, reason: str = "") -> None:
        before = self._status.state
        if state != before and {state, before} != {"live", "catching up"} and state != "stopped":
            log.log(logging.WARNING if state == "waiting" else logging.INFO, "%s", f"{state} {reason}".strip())
        self._status.state, self._status.reason = state, reason

    async def _project(self) -> None:
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
                async with LogReader(connection(self._broker), after) as reader:
                    try:
                        await self._follow(reader, topics)
                    except Stopped:
                        # Closing gives up what is on its way, and nobody would send it again until somebody helps.
                        await self._until_stored(topics)
                        raise
            finally:
                settling.cancel()
                await asyncio.wait([settling])
        finally:
            await asyncio.shield(asyncio.to_thread(topics.close))

    async def _follow(self, reader: LogReader, topics: Topics) -> None:
        self._become("catching up" if reader.pending > BEHIND else "live")
        counted = self._window.position
        while True:
            with cancellation_kept():
                entries = await reader.next()
            for entry in entries:
                await self._send(topics, entry)
            self._check(topics)
            self._rate.count(self._window.position - counted)
            counted = self._window.position
            self._become("catching up" if entries and entries[-1].behind > BEHIND else "live")

    async def _send(self, topics: Topics, entry: Entry) -> None:
        messages = self._messages_of(entry)
        if entry.sequence <= topics.last:
            messages = [m for m in messages if m.sequence > topics.ends[m.topic].sequence]
        while self._window.in_flight + len(messages) > IN_FLIGHT:
            self._room.clear()
            await self._wait_for_room(topics)
        if not self._window.in_flight:
            self._answered_s = time.monotonic()  # it has owed no answer until now
        self._window.sent(entry.sequence, [message.topic for message in messages])
        for message in messages:
            topics.send(message)
        if messages:
            self._sent.set()

    def _messages_of(self, entry: Entry) -> list[TopicMessage]:
        try:
            return messages_of(entry.sequence, entry.subject, entry.data, entry.traceparent)
        except FromTheFuture as error:
            raise Stopped(
                f"fact {entry.sequence}: {error}. Update this program, then start the projection again; "
                "it goes on from there"
            ) from error
        except Undecodable as error:
            # It is in DEAD, as no actor can read it either.
            self._status.errors += 1
            self._status.last_error = f"fact {entry.sequence} left out: {error}"
            log.warning("%s", self._status.last_error)
            return []

    async def _until_stored(self, topics: Topics) -> None:
        """Wait until Pulsar has all that was sent. Raises PulsarAway, Stopped."""
        while self._window.in_flight:
            self._check(topics)
            await asyncio.sleep(SHORT_PAUSE_S)

    async def _wait_for_room(self, topics: Topics) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                await self._room.wait()
        self._check(topics)

    def _check(self, topics: Topics) -> None:
        """Find out whether Pulsar is still there. Raises PulsarAway, Stopped."""
        if topics.problem is not None:
            if "TooBig" in topics.problem:
                raise Stopped(f"{topics.problem}: raise the broker's maxMessageSize, then start the projection again")
            raise PulsarAway(topics.problem)
        silent_s = time.monotonic() - self._answered_s if self._window.in_flight else 0
        if silent_s > HUNG_S or (silent_s > SILENT_S and not topics.connected):
            raise PulsarAway(f"no answer for {silent_s:.0f} s")

    async def _settle(self, topics: Topics, window: Window) -> None:
        """Take note of what Pulsar has stored, often while something is on its way; until cancelled."""
        try:
            with own_cancellation_only():
                await self._note_what_is_stored(topics, window)
        except Exception as error:
            topics.problem = f"what is stored cannot be found out: {error!r}"
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
        """Make sure that the topics were written from this log. Raises Stopped, nats errors."""
        js = jetstream(self._broker)
        last = (await js.stream_info(VOICE)).state.last_seq
        for topic, end in ends.items():
            other = f"{topic} was written from another log"
            what_to_do = "delete the topic (it is made anew from this log), or use another Pulsar"
            if end.sequence > last:
                raise Stopped(f"{other}: it ends with fact {end.sequence}, this log with {last}; {what_to_do}")
            if end.payload is None:
                continue
            try:
                fact = await js.get_msg(VOICE, end.sequence, direct=True)
            except NotFoundError:
                continue  # erased since, or too old
            expected = [m for m in self._known(end.sequence, fact.subject or "", fact.data or b"") if m.topic == topic]
            if not expected or expected[0].payload != end.payload:
                raise Stopped(f"{other}: its last message, {end.sequence}, is not this log's; {what_to_do}")

    @staticmethod
    def _known(sequence: int, subject: str, data: bytes) -> list[TopicMessage]:
        try:
            return messages_of(sequence, subject, data)
        except (FromTheFuture, Undecodable):
            return []
