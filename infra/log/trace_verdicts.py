"""Tells this process's export of spans which turns to keep: from the facts that say so, as they are stored."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from contracts.codec import Undecodable, decode
from contracts.events import Event
from contracts.topology import DEAD_LETTER, live_event_subject
from infra.log.connection import lasting, unsubscribe
from infra.log.dead_letters import SUBJECT_HEADER
from infra.telemetry.export import Export
from infra.telemetry.turns import trace_id_of
from infra.telemetry.verdicts import TELLING, Verdict, verdict_of

log = logging.getLogger(__name__)


@asynccontextmanager
async def traces_kept(nc: Client, export: Export | None) -> AsyncIterator[None]:
    """Have `export` keep the traces of slow, interrupted and failed turns in this time. It sends its rest at the end.

    Nothing is subscribed to if no span leaves the process, or every trace is kept.
    """
    subscriptions: list[Subscription] = []
    if export is not None and export.ratio < 1:
        take = lasting(_deciding(export))
        for event_class in TELLING:
            subscriptions.append(await nc.subscribe(live_event_subject(event_class), cb=take))
        subscriptions.append(await nc.subscribe(DEAD_LETTER.address.pattern, cb=lasting(_keeping_failed(export))))
    try:
        yield
    finally:
        await unsubscribe(nc, subscriptions)
        if export is not None:
            await asyncio.to_thread(export.finish)


Take = Callable[[Msg], Awaitable[None]]


def _deciding(export: Export) -> Take:
    async def take(message: Msg) -> None:
        event = _event_in(message.subject, message.data)
        if event is not None and (verdict := verdict_of(event, export.slow_ms)) is not None:
            _decide(export, event, verdict)

    return take


def _keeping_failed(export: Export) -> Take:
    """Keep the turn of a fact that a handler could not take: its dead letter is all that comes of it."""

    async def take(message: Msg) -> None:
        event = _event_in((message.headers or {}).get(SUBJECT_HEADER, ""), message.data)
        if event is not None:
            _decide(export, event, "failed")

    return take


def _decide(export: Export, event: Event, verdict: Verdict) -> None:
    export.decide(trace_id_of(event.session_id, event.turn_id), verdict)
    if event.turn_id and verdict != "over":
        export.decide(trace_id_of(event.session_id, None), verdict)  # to which the turn's trace links


def _event_in(subject: str, data: bytes) -> Event | None:
    try:
        return decode(subject, data)
    except Undecodable as error:
        log.debug("no verdict on a trace: %s", error)
        return None
