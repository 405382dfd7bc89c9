"""A recorded session stored again, fact by fact, in a log of its own: for an actor under test, which stays as it is.

The actor takes the facts from its durable consumer, reads the log and appends as always, but nothing of it reaches the
log in which the session was recorded, or a door.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import ConsumerInfo

from contracts.codec import Undecodable, decode
from contracts.events import Event
from contracts.topology import LIVE
from infra.log.log_streams import streams_of_log
from infra.replay.pace import at_pace, offsets_ns
from infra.replay.recorded_session import RecordedSession

LOOK_EVERY_S = 0.1
KEPT_HEADERS = ("Nats-Msg-Id", "Daredevil-Event")
STORE_WITHIN_S = 5.0

Appended = Callable[[Event], None]
"""Is told each event that an actor appends."""


async def taking(nc: Client) -> list[str]:
    """Return the durable consumers of the log from which somebody takes messages now. Raises nats errors."""
    return sorted({found.name for found in await _consumers(nc) if found.num_waiting})


async def somebody_takes(nc: Client) -> list[str]:
    """Wait until an actor takes messages; return the names of the consumers that have one. Raises nats errors."""
    while True:
        if names := await taking(nc):
            return names
        await asyncio.sleep(LOOK_EVERY_S)


async def rehearse(
    nc: Client,
    session: RecordedSession,
    consumers: list[str],
    appended: Appended,
    speed: float = 1,
    from_sequence: int = 0,
) -> int:
    """Store a session's messages at their pace, until `consumers` have handled all; return how many were stored.

    Their order, bytes and ids are the recorded ones, their sequences are new. Raises nats errors, TimeoutError.
    """
    due = [
        (moment_ns, message)
        for moment_ns, message in zip(offsets_ns(session), session.messages, strict=True)
        if message.sequence >= from_sequence
    ]
    js, streams = nc.jetstream(), await streams_of_log(nc)
    async with _watched(nc, {fact.event.event_id for fact in session.facts}, appended):
        async for index in at_pace([moment_ns - due[0][0] for moment_ns, _ in due], speed):
            message = due[index][1]
            kept = {name: message.headers[name] for name in KEPT_HEADERS if name in message.headers}
            stream = streams.of(message.subject)
            await js.publish(message.subject, message.data, STORE_WITHIN_S, stream=stream, headers=kept)
        while True:
            if await _have_handled_all(nc, consumers):
                return len(due)
            await asyncio.sleep(LOOK_EVERY_S)


@asynccontextmanager
async def _watched(nc: Client, recorded: set[str], appended: Appended) -> AsyncIterator[None]:
    """Tell of each event that is stored in this log and was not recorded."""

    async def take(message: Msg) -> None:
        try:
            event = decode(message.subject, message.data)
        except Undecodable:
            return
        if event.event_id not in recorded:
            appended(event)

    subscription = await nc.subscribe(LIVE.pattern, cb=take)
    try:
        yield
    finally:
        if not nc.is_closed:
            await subscription.drain()  # type: ignore[no-untyped-call]  # with what has arrived by now


async def _have_handled_all(nc: Client, consumers: list[str]) -> bool:
    found = [each for each in await _consumers(nc) if each.name in consumers]
    return not any(each.num_pending or each.num_ack_pending for each in found)


async def _consumers(nc: Client) -> list[ConsumerInfo]:
    js, streams = nc.jetstream(), await streams_of_log(nc)
    return [found for stream in streams.names for found in await js.consumers_info(stream)]
