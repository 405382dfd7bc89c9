"""How an actor receives its events: sessions in parallel, one session in order, nothing lost.

Every message is held with heartbeats until it is handled. When this process dies, JetStream redelivers what it held
to another copy after the durable's `ack_wait`; under a supervisor jobs get there at once (`infra.log.held_jobs`).
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from faststream import AckPolicy
from faststream.nats import JStream, NatsBroker, PullSub
from faststream.nats.subscriber.usecases import LogicSubscriber
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from contracts.codec import Undecodable, decode
from contracts.events import Event
from contracts.topology import (
    DURABLES,
    FACTS,
    Durable,
    retry_subject,
)
from infra.log.connection import connection, inboxes_of, jetstream, lasting
from infra.log.dead_letters import SEQUENCE_HEADER, SUBJECT_HEADER, dead_letter
from infra.log.event_log import NewerFact
from infra.log.handlers import TOPOLOGY, EventHandlers, NoHandler, Subscriber
from infra.log.held_jobs import HeldJobs
from infra.log.held_messages import Held, HeldMessages, quietly
from infra.log.lanes import Lanes
from infra.log.log_streams import streams_of_log
from infra.log.provisioning import provision_durable
from infra.metrics.table import HANDLING_TIME
from infra.process.tasks import (
    CancelledElsewhere,
    cancellation_kept,
    ended,
    is_being_stopped,
    own_cancellation_only,
)
from infra.process.told import told
from infra.tape.deliveries import CANCELLED, HANDLED, TAKEN
from infra.tape.handling import handler_called
from infra.tape.tape import Tapes
from infra.tape.untaped import Untaped
from infra.telemetry.traces import handling

log = logging.getLogger(__name__)

HEARTBEAT_S = 1.0
ATTEMPTS = 3
LONGEST_REST_S = 1.6
"""Between two attempts at a job that fails again and again."""

REFUSED_S = 0.25
"""For how long a message that this copy refuses stays away."""

NEWER_S = 2.0
"""For how long a job stays away that only a copy of a newer version can do."""

CALM_S = 10.0
"""After an attempt that lasted this long, failures are counted from zero again."""

Job = asyncio.Task[None]
"""A task that a handler may return: the session's next event is then handled at once, and the message is held until
the task has ended."""

Refuses = Callable[[], Awaitable[bool]]
"""Returns whether to leave the next message to another copy."""


class Inbox(EventHandlers[Job | None], Subscriber):
    """Receives the events of a durable and calls the handler of each, in order within a session.

        inbox = Inbox(broker, REASONING)

        @inbox.on(e.TurnEnded)
        async def turn_ended(event: e.TurnEnded) -> Job | None:
            ...

    Each event that the durable receives (`DURABLES` in `contracts.topology`) has one handler; `open` checks that.
    An actor of your own passes its own `Durable` instead of a name; `open` creates its consumer.

    A handler that raises is called again (3 times in all, 0.2 s and 0.4 s apart), then its message is dead-lettered.
    The same happens if its task was cancelled by anything but this inbox. An event of a newer version than this program
    knows is dead-lettered at once, as is an event whose handler meets such a fact in the log (NewerFact); a job that
    meets one is left to a copy of a newer version. A durable that delivers for ever holds jobs:
    its message is acknowledged only when the task has returned by itself; whatever else happens to the task, the
    handler is called again within 2 s, as often as necessary.

    While `limit` messages are held, no more are fetched: they are left to other copies, as is a message while `refuses`
    returns true. A message that is redelivered while it is held (NATS was away) is not handled twice. One that was
    delivered as often as the durable allows, because its handlers died each time, is dead-lettered. A process that was
    frozen for longer than the durable's `ack_wait` has lost what it held: its tasks are cancelled and nothing is
    acknowledged.

    Each call of a handler is noted on the session's tape, if `tapes` are given: not by jobs that last as long as a
    session beside handlers of the same process, as with them that process's tape would never be at rest.
    """

    def __init__(
        self,
        broker: NatsBroker,
        durable: str | Durable,
        limit: int = 1000,
        refuses: Refuses | None = None,
        tapes: Tapes | None = None,
    ) -> None:
        self._broker = broker
        self._tapes = tapes or Untaped()
        self._durable = next(d for d in DURABLES if d.name == durable) if isinstance(durable, str) else durable
        durable_name = self._durable.name
        row = TOPOLOGY if self._durable in DURABLES else f"where you declare `Durable({durable_name!r}, …)`"
        super().__init__(f"durable {durable_name}", self._durable.events, row)
        self._is_job = self._durable.max_deliver < 0
        self._refuses = refuses
        self._lanes = Lanes[Held](durable_name, self._deal_with)
        self._held = HeldMessages(limit, HeldJobs(durable_name) if self._is_job else None)
        self._heartbeat: asyncio.Task[None] | None = None
        self._retries: Subscription | None = None
        self._closing = False
        self._subscribers: list[LogicSubscriber[Any]] = []

    async def open(self) -> None:
        """Start the heartbeats and accept dead letters that are put back; call it when the broker is connected.

        Raises HandlersMismatch if the handlers are not those of the durable.
        """
        self.check()
        if self._durable not in DURABLES:
            await provision_durable(jetstream(self._broker), self._durable)
        self._heartbeat = asyncio.create_task(self._beat(), name=f"heartbeat of {self._durable.name}")
        self._retries = await connection(self._broker).subscribe(
            retry_subject(self._durable.name), queue=self._durable.name, cb=lasting(self._retry)
        )
        for stream in (await streams_of_log(connection(self._broker))).names:
            await self._subscribe(stream)

    async def _subscribe(self, stream: str) -> None:
        """Take the durable's messages from a stream of the log; a broker that is not yet running starts that later."""
        subscriber = self._broker.subscriber(
            FACTS.pattern,
            stream=JStream(stream, declare=False),
            durable=self._durable.name,
            pull_sub=PullSub(batch_size=1, timeout=1),
            ack_policy=AckPolicy.MANUAL,
            inbox_prefix=inboxes_of(self._broker),
        )
        subscriber(self._receive)
        self._subscribers.append(subscriber)
        if self._broker.running:
            await subscriber.start()

    def take(self, event: Event) -> None:
        """Handle an event whose message was acknowledged before."""
        self._put(event, None)

    async def close(self) -> None:
        """Stop receiving, cancel what runs, and release what is held to other copies at once."""
        self._closing = True
        self._held.stop_waiting()
        await asyncio.gather(*(subscriber.stop() for subscriber in self._subscribers))
        if self._retries is not None:
            await quietly(self._retries.unsubscribe())
        if self._heartbeat is not None:
            await ended(self._heartbeat)
        messages = self._held.messages()
        await self._drop_all()
        for message in messages:
            await quietly(message.nak())

    async def _receive(self, event: Event) -> None:
        context_message = self._broker.context.get_local("message")
        message: Msg = context_message.raw_message
        metadata = message.metadata
        if self._closing:
            await quietly(message.nak())
        elif self._held.has_come_again(message):
            pass
        elif 0 < self._durable.max_deliver <= metadata.num_delivered:
            reason = f"delivered {metadata.num_delivered} times and never acknowledged: its handlers died or hung"
            await dead_letter(jetstream(self._broker), self._durable.name, message, reason)
        elif self._refuses is not None and await self._refuses():
            await quietly(message.nak(delay=REFUSED_S))
            await asyncio.sleep(2 * REFUSED_S)  # another copy gets it, as this one fetches nothing
        else:
            self._put(event, message)
            # Nothing more is fetched until this returns. Releasing messages instead would change their order.
            await self._held.room()

    def _put(self, event: Event, message: Msg | None, sequence: int = 0) -> Held:
        held = self._held.add(event, message, sequence)
        self._lanes.put(event.session_id, held)
        return held

    async def _deal_with(self, held: Held, started: "asyncio.Future[None]") -> None:
        """Handle one message with retries; `started` is set when the session's next one may begin."""
        away_s = 0.0
        try:
            with own_cancellation_only():
                begun_s = time.monotonic()
                problem = await self._problem_with(held, started)
                self._measure(begun_s, problem)
                await self._finish(held, problem)
        except NewerFact as error:
            log.error("%s of %s is left to a newer copy: %s", type(held.event).__name__, held.event.session_id, error)
            away_s = NEWER_S
        except CancelledElsewhere as error:
            log.warning(
                "%s of %s: %s; it will be delivered again", type(held.event).__name__, held.event.session_id, error
            )
        finally:
            if held in self._held and not is_being_stopped():
                # Neither acknowledged nor dead-lettered: JetStream redelivers it.
                self._held.forget(held)
                if held.message is not None:
                    self._lanes.own(quietly(held.message.nak(delay=away_s or None)))

    def _measure(self, begun_s: float, problem: str) -> None:
        """Measure how long a message took; a job lasts as long as a session does."""
        if not self._is_job:
            error = "failed" if problem else ""
            HANDLING_TIME.record(time.monotonic() - begun_s, "nats", "process", self._durable.name, error)

    async def _problem_with(self, held: Held, started: "asyncio.Future[None]") -> str:
        """Return why an event could not be handled after all attempts; empty if it was. A job has no last attempt.

        Raises NewerFact for a job.
        """
        name, attempt = type(held.event).__name__, 0
        while True:
            begun_s = time.monotonic()
            try:
                with own_cancellation_only():
                    await self._handled(held, started)
                return ""
            except NoHandler as error:
                return str(error)
            except NewerFact as error:  # another attempt finds the same
                if self._is_job and held.message is not None:
                    raise
                return str(error)
            except Exception as error:
                problem = f"{type(error).__name__}: {error}"
                if time.monotonic() - begun_s > CALM_S:
                    attempt = 0
                log.warning("%s of %s failed: %s", name, held.event.session_id, told(error), exc_info=attempt == 0)
            attempt += 1
            if attempt >= ATTEMPTS and not self._is_job:
                return problem
            await asyncio.sleep(min(LONGEST_REST_S, 0.1 * 2**attempt))

    async def _handled(self, held: Held, started: "asyncio.Future[None]") -> None:
        headers = held.message.headers if held.message is not None else None
        with handling(self._durable.name, held.event, headers):
            tape = self._tapes.of(held.event.session_id)
            payload = held.sequence or held.event.event_id
            with handler_called(tape, HANDLED if held.sequence else TAKEN, payload):
                try:
                    await self._run_handler(held, started)
                except asyncio.CancelledError:
                    tape.took(CANCELLED, payload)
                    raise

    async def _run_handler(self, held: Held, started: "asyncio.Future[None]") -> None:
        rest = await self.handle(held.event)
        if rest is None:
            return
        if not started.done():
            started.set_result(None)
        try:
            # A task that swallows its cancellation seems to end normally, but has not ended by itself.
            with cancellation_kept():
                await rest
        finally:
            await ended(rest)

    async def _finish(self, held: Held, problem: str) -> None:
        try:
            if held.message is not None:
                if problem:
                    await dead_letter(jetstream(self._broker), self._durable.name, held.message, problem)
                else:
                    await held.message.ack()
        except (NatsError, TimeoutError) as error:
            log.warning("%s was not acknowledged and will be delivered again: %r", type(held.event).__name__, error)
        finally:
            self._held.forget(held)
            if not held.done.done():
                held.done.set_result(problem)

    async def _retry(self, request: Msg) -> None:
        subject = (request.headers or {}).get(SUBJECT_HEADER, "")
        try:
            sequence = (request.headers or {}).get(SEQUENCE_HEADER, "")
            held = self._put(decode(subject, request.data), None, int(sequence) if sequence.isdecimal() else 0)
        except Undecodable as error:
            await request.respond(str(error).encode())
            return
        held.done.add_done_callback(lambda done: self._lanes.own(request.respond(done.result().encode())))

    async def _beat(self) -> None:
        last = time.monotonic()
        while True:
            try:
                with own_cancellation_only():
                    await asyncio.sleep(HEARTBEAT_S)
                    frozen_s = time.monotonic() - last - HEARTBEAT_S
                    if frozen_s > self._durable.ack_wait_s - HEARTBEAT_S - 0.5:
                        log.error(
                            "%s was frozen for %.1f s and drops the messages it held", self._durable.name, frozen_s
                        )
                        await self._drop_all()
                    last = time.monotonic()
                    await self._held.beat()
                    await self._keep_taking()
            except CancelledElsewhere as error:
                log.warning("heartbeat of %s: %s", self._durable.name, error)

    async def _keep_taking(self) -> None:
        """Start a subscriber again if its task has ended: FastStream restarts a failed one, not a cancelled one."""
        for subscriber in self._subscribers:
            tasks: list[asyncio.Task[object]] = getattr(subscriber, "tasks", [])
            if tasks and all(task.done() for task in tasks) and not self._closing:
                log.error("the subscriber of %s has ended; it is started again", self._durable.name)
                await subscriber.stop()
                await subscriber.start()

    async def _drop_all(self) -> None:
        await self._lanes.drop()
        self._held.forget_all()
