"""Hearing facts as they are stored: each handler gets its events, and nothing that goes wrong ends it."""

import asyncio
import logging

import pytest
from faststream.nats import NatsBroker

from contracts.events import Event, ReplyDiscarded, SessionClosed, SessionOpened, TurnInterrupted
from contracts.topology import CLI, SYNTHESIS, live_event_subject
from infra.log.connection import connection
from infra.log.event_log import append, now_ns
from infra.log.handlers import HandlersMismatch
from infra.log.live_events import LiveEvents
from tests.infra.log.copies import clause, session_closed
from tests.waiting import until


def discarded(reply_id: str = "r") -> ReplyDiscarded:
    return ReplyDiscarded(
        event_id=f"d-{reply_id}", session_id="s-1", time_ns=now_ns(), reply_id=reply_id, reason="other words"
    )


async def nothing(_: Event) -> None:
    pass


async def test_every_copy_hears_each_event_of_its_row_once_it_is_stored(broker: NatsBroker) -> None:
    heard: list[list[str]] = [[], []]
    copies = [LiveEvents(broker, SYNTHESIS) for _ in heard]
    for live, names in zip(copies, heard, strict=True):

        @live.on(SessionClosed)
        async def closed(event: SessionClosed, names: list[str] = names) -> None:
            names.append(f"closed: {event.reason}")

        @live.on(TurnInterrupted, ReplyDiscarded)
        async def stopped(event: TurnInterrupted | ReplyDiscarded, names: list[str] = names) -> None:
            names.append(f"stopped: {event.reply_id}")

    async with copies[0], copies[1]:
        for event in (clause(), discarded(), session_closed()):
            await append(broker, event)
        await until(lambda: all(len(names) == 2 for names in heard))
    assert [sorted(names) for names in heard] == [["closed: hangup", "stopped: r"]] * 2


async def test_what_goes_wrong_with_one_message_does_not_end_the_subscription(
    broker: NatsBroker, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[str | None] = []
    live = LiveEvents(broker, SYNTHESIS)
    live.on(SessionClosed)(nothing)

    @live.on(TurnInterrupted, ReplyDiscarded)
    async def stopped(event: TurnInterrupted | ReplyDiscarded) -> None:
        heard.append(event.reply_id)
        if event.reply_id == "fails":
            raise ValueError("no such reply")
        if event.reply_id == "cancelled":
            cancelled: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            cancelled.cancel()
            await cancelled

    async with live:
        await connection(broker).publish(live_event_subject(ReplyDiscarded).replace("*", "s-1"), b"\xc1")
        for reply_id in ("fails", "cancelled", "last"):
            await append(broker, discarded(reply_id))
        await until(lambda: heard == ["fails", "cancelled", "last"])
    warnings = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert [warning.split(":")[0] for warning in warnings] == [
        "a live event was not handled",
        "ReplyDiscarded of s-1 was not handled",
        "a message on live.s-1.reply.discarded was not handled",
    ]


async def test_handlers_have_to_be_those_of_the_row(broker: NatsBroker) -> None:
    live = LiveEvents(broker, SYNTHESIS)
    live.on(SessionOpened)(nothing)
    with pytest.raises(HandlersMismatch, match="SessionOpened, but the listener synthesis receives only"):
        await live.open()
    live = LiveEvents(broker, SYNTHESIS)
    live.on(SessionClosed, ReplyDiscarded)(nothing)
    with pytest.raises(
        HandlersMismatch, match=r"listener synthesis receives TurnInterrupted .* no handler is declared"
    ):
        await live.open()
    with pytest.raises(HandlersMismatch, match="cli has no row with events in LISTENERS"):
        LiveEvents(broker, CLI)
