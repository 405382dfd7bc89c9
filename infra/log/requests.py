"""Answer NATS requests: each in a task of its own, a bounded number at a time."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

from faststream.nats import NatsBroker
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from contracts.codec import decode
from contracts.events import Event
from contracts.topology import (
    CLOCK,
    HEALTH,
    PUT_BACK,
    REQUESTS,
    SOUND_AGAIN,
    Address,
    Request,
    event_subject,
    session_of,
)
from infra.log.connection import connection, lasting, unsubscribe
from infra.log.handlers import HandlersMismatch, Subscriber
from infra.process.tasks import ended, own_cancellation_only
from infra.process.told import told
from infra.telemetry.traces import answering

log = logging.getLogger(__name__)

ANSWERED_FOR_ALL = (HEALTH.name, CLOCK.name, PUT_BACK.name)
"""Requests that need no handler: `make_app`, `common_time` and `Inbox` answer them in every actor."""

MOST = 50
"""How many requests a process answers at a time unless it says otherwise."""

BUSY = b"busy: too many such requests are being answered; try again later"

A = TypeVar("A", bound=Event)
_Answer = Callable[[A], Awaitable[bytes]]
_RawAnswer = Callable[[Msg], Awaitable[bytes]]


class RequestHandlers(Subscriber):
    """Answers the requests that the rows of a process in `REQUESTS` name, of all sessions.

        requests = RequestHandlers(broker, SYNTHESIS)

        @requests.on(SOUND_AGAIN, e.ReplyClauseWritten)
        async def sound_again(clause: e.ReplyClauseWritten) -> bytes:
            ...

    A request goes to one copy if its row names a queue group, else to all. At most `most` are answered at a time; more
    are answered with `busy`. A message that names no subject for the answer is ignored. If a request cannot be decoded
    or its handler fails, the answer contains the error, and it is logged.
    """

    def __init__(self, broker: NatsBroker, process: str, most: int = MOST, busy: bytes = BUSY) -> None:
        self._broker = broker
        self._process = process
        self._most = most
        self._busy = busy
        self._problems: list[str] = []
        self._rows = tuple(
            row
            for row in REQUESTS
            if process in row.answered_by and row.name not in ANSWERED_FOR_ALL and "{session}" not in row.subject
        )
        self._handlers: dict[str, _RawAnswer] = {}
        self._subscriptions: list[Subscription] = []
        self._tasks: set[asyncio.Task[None]] = set()

    @overload
    def on(self, request: Request, /) -> Callable[[_RawAnswer], _RawAnswer]: ...
    @overload
    def on(self, request: Request, event_class: type[A], /) -> Callable[[_Answer[A]], _Answer[A]]: ...
    def on(
        self, request: Request, event_class: type[Event] | None = None, /
    ) -> Callable[[Callable[[Any], Awaitable[bytes]]], Callable[[Any], Awaitable[bytes]]]:
        """Declare the decorated function as the one that answers a request; it returns the answer.

        It gets the message; with an event class, the event that the request contains. `check` refuses a request that
        the process does not answer, and one that has two handlers.
        """
        if request not in self._rows:
            self._problems.append(
                f"{self._process} declares a handler for {request.name}, but the row of {request.name} in REQUESTS "
                f"(contracts/topology) does not name {self._process}: add it to `answered_by`, or remove the handler"
            )
        elif request.name in self._handlers:
            self._problems.append(f"{self._process} has two handlers for the request {request.name}: keep one")

        def declare(handler: Callable[[Any], Awaitable[bytes]]) -> Callable[[Any], Awaitable[bytes]]:
            async def with_event(message: Msg) -> bytes:
                assert event_class is not None
                subject = event_subject(session_of(message.subject), event_class)
                return await handler(decode(subject, message.data))

            self._handlers[request.name] = handler if event_class is None else with_event
            return handler

        return declare

    def check(self) -> None:
        """Raise HandlersMismatch if the handlers are not those of the process's rows, each request's one."""
        problems = [*self._problems]
        missing = [row.name for row in self._rows if row.name not in self._handlers]
        if missing:
            problems.append(
                f"{self._process} answers {', '.join(missing)} (REQUESTS in contracts/topology), but no handler is "
                "declared for it: declare one with `on`, or remove the process from the row"
            )
        if problems:
            raise HandlersMismatch("\n".join(problems))

    async def open(self) -> None:
        """Start to answer; call it when the broker is connected.

        Raises HandlersMismatch if the handlers are not those of the rows, and nats errors.
        """
        self.check()
        for row in self._rows:
            subject, take = _subject(row, self._process), self._taking(row)
            self._subscriptions.append(
                await connection(self._broker).subscribe(subject, queue=row.queue, cb=lasting(take))
            )

    async def stop_taking(self) -> None:
        """Leave new requests to other processes; what is being answered goes on."""
        await unsubscribe(connection(self._broker), self._subscriptions)

    async def close(self) -> None:
        """Stop answering, and cancel what is being answered."""
        await self.stop_taking()
        await ended(*self._tasks)

    def _taking(self, row: Request) -> Callable[[Msg], Awaitable[None]]:
        async def take(message: Msg) -> None:
            if not message.reply:
                log.debug("a message on %s names no subject for the answer, so it is ignored", message.subject)
                return
            if len(self._tasks) >= self._most:
                await _respond(row, message, self._busy)
                return
            task = asyncio.create_task(self._answer(row, message), name=f"answering {row.name}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        return take

    async def _answer(self, row: Request, message: Msg) -> None:
        try:
            with own_cancellation_only(), answering(row.name, message.headers, of_client=row is not SOUND_AGAIN):
                answer = await self._handlers[row.name](message)
        except Exception as error:  # the answer contains the error; the process continues
            log.warning("request %s on %s could not be answered: %s", row.name, message.subject, told(error))
            answer = f"{type(error).__name__}: {error}".encode()
        await _respond(row, message, answer)


async def _respond(row: Request, message: Msg, answer: bytes) -> None:
    try:
        await message.respond(answer)
    except (NatsError, OSError) as error:
        log.debug("no answer to %s is possible: %r", row.name, error)


def _subject(row: Request, process: str) -> str:
    """Return the subject to subscribe to: the row's, with the process in place of its open name, if it has one."""
    return Address(row.subject).of(*(process for _ in Address(row.subject).names))
