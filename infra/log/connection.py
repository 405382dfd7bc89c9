"""The plain NATS connection beneath a FastStream broker, for what FastStream's API does not cover."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from nats.js import JetStreamContext

from infra.log.nats_access import AccessClient
from infra.process.tasks import CancelledElsewhere, own_cancellation_only

if TYPE_CHECKING:  # commands that only ask NATS need not import it
    from faststream.nats import NatsBroker

log = logging.getLogger(__name__)

ANSWERED_OR_GONE_S = 60
"""By then the server has answered, or pings have shown that the connection is dead."""

LOST_S = 0.2
"""A connection that is lost meanwhile is noticed within this time."""

UNSUBSCRIBE_S = 1.0

LONGEST_ASK_S = 5.0
"""Nobody waits longer for an answer because NATS is far away: by then it hangs."""

_round_trips: set[asyncio.Task[None]] = set()
_took_s: "WeakKeyDictionary[Client, float]" = WeakKeyDictionary()
"""How long the last round trip of each connection took, even if its caller had stopped waiting."""


def connection(broker: "NatsBroker") -> Client:
    """Return the plain NATS connection of a connected broker."""
    client: Client = broker.config.connection_state.connection
    return client


def jetstream(broker: "NatsBroker") -> JetStreamContext:
    """Return the JetStream context of a connected broker."""
    context: JetStreamContext = broker.config.connection_state.stream
    return context


def asking(nc: Client) -> Client:
    """Return the connection that asks JetStream: a process with two users of NATS has a second one for that."""
    return nc.asks_jetstream if isinstance(nc, AccessClient) else nc


def inboxes_of(broker: "NatsBroker") -> bytes:
    """Return how the inboxes of a broker begin: FastStream's pull subscriptions take those of everybody."""
    prefix = broker._connection_kwargs["inbox_prefix"]
    return (prefix.encode() if isinstance(prefix, str) else bytes(prefix)) + b"."


def is_open(nc: Client) -> bool:
    """Return whether the server asks nobody for credentials, so that everybody may do everything."""
    return not nc._server_info.get("auth_required", False)


def read_any_subject(nc: Client) -> None:
    """Make the connection read messages whose subjects are not UTF-8, with U+FFFD in place of invalid bytes.

    NATS accepts any bytes as a subject. nats-py stops reading for good at the first that it cannot decode, so one
    such message in the log would stop every consumer.
    """
    build = nc._build_message

    def build_message(sid: int, subject: bytes, reply: bytes, data: bytes, headers: dict[str, str] | None) -> Msg:
        message: Msg = build(sid, _as_utf8(subject), _as_utf8(reply), data, headers)
        return message

    nc._build_message = build_message  # type: ignore[method-assign]


def _as_utf8(name: bytes) -> bytes:
    return name if name.isascii() else name.decode(errors="replace").encode()


async def round_trip(nc: Client, timeout_s: float = 5) -> None:
    """Return when the server has received all that was sent before. Raises TimeoutError, nats errors.

    nats-py stops reading from a connection whose flush was cancelled (by a timeout, or with the task that waited)
    once the late answer arrives. So a flush is never cancelled here; the caller only stops waiting for it.
    """
    flush = asyncio.create_task(nc.flush(timeout=ANSWERED_OR_GONE_S), name="round trip to NATS")
    _round_trips.add(flush)
    flush.add_done_callback(_forget)
    flush.add_done_callback(partial(_measure, nc, time.monotonic()))
    done, _ = await asyncio.wait([flush], timeout=timeout_s)
    if not done:
        raise TimeoutError(f"NATS did not answer within {timeout_s:g} s")
    flush.result()


def _measure(nc: Client, began_s: float, flush: "asyncio.Task[None]") -> None:
    if not flush.cancelled() and flush.exception() is None:
        _took_s[nc] = time.monotonic() - began_s


def ask_s(nc: Client, near_s: float) -> float:
    """Return how long to wait for another process's answer, which takes `near_s` at most where NATS is near.

    The question and the answer go to NATS and on: two round trips, as the last one of this connection was.
    """
    return max(near_s, min(near_s + 2 * _took_s.get(nc, 0.0), LONGEST_ASK_S))


async def answers(nc: Client, timeout_s: float = 2) -> bool:
    """Return whether the server answers: one that hangs keeps its connections for half a minute. Raises nothing."""
    asked = asyncio.create_task(round_trip(nc, timeout_s), name="asking NATS")
    try:
        while nc.is_connected and not asked.done():
            await asyncio.wait([asked], timeout=LOST_S)
        return asked.done() and nc.is_connected and asked.exception() is None
    finally:
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)


def lasting(take: Callable[[Msg], Awaitable[None]]) -> Callable[[Msg], Awaitable[None]]:
    """Return a subscription's callback that does not end the subscription.

    nats-py silently stops calling a callback once something that it waited for was cancelled.
    """

    async def take_each(message: Msg) -> None:
        try:
            with own_cancellation_only():
                await take(message)
        except CancelledElsewhere as error:
            log.error("a message on %s was not handled: %s", message.subject, error)

    return take_each


async def unsubscribe(nc: Client, subscriptions: list[Subscription]) -> None:
    """End the subscriptions and empty the list. Those of a closed connection have ended with it.

    The server is told within a second or not at all: one that hangs takes nothing.
    """
    ending, subscriptions[:] = list(subscriptions), []
    with suppress(TimeoutError):
        async with asyncio.timeout(UNSUBSCRIBE_S):
            for subscription in reversed(ending):
                if not nc.is_closed:
                    with suppress(NatsError, ConnectionError):
                        await subscription.unsubscribe()


def _forget(flush: asyncio.Task[None]) -> None:
    _round_trips.discard(flush)
    if not flush.cancelled():
        flush.exception()
