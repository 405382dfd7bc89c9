"""Summaries: a rolling one while a session is long, and at its end what it was about."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from faststream import FastStream

from actors.summaries.idle_model import Calls
from actors.summaries.summarising import revise, summarise
from contracts import events as e
from contracts.topology import MODEL_FREE, MODEL_WANTED, SUMMARIES
from infra.log.broker import make_app, make_broker
from infra.log.inbox import Inbox
from infra.log.live_events import LiveEvents
from infra.log.tapes import tapes_of
from infra.settings import settings


def make() -> FastStream:
    """Return the app of this actor."""
    broker = make_broker(SUMMARIES)
    calls = Calls()
    live = LiveEvents(broker, SUMMARIES, tapes_of(broker))
    inbox = Inbox(broker, SUMMARIES, tapes=tapes_of(broker))

    @live.on(*MODEL_WANTED, *MODEL_FREE)
    async def of_a_call(event: e.Event) -> None:
        """Note whether the call needs the local model now: summaries wait until none does."""
        calls.take(event.session_id, type(event))

    @inbox.on(e.TurnRecorded)
    async def turn_recorded(event: e.TurnRecorded) -> None:
        """Revise the rolling summary if one is due."""
        await revise(broker, settings(), calls, event)

    @inbox.on(e.SessionClosed)
    async def session_closed(event: e.SessionClosed) -> None:
        """Write the summary of the whole session."""
        await summarise(broker, settings(), calls, event)

    @asynccontextmanager
    async def life() -> AsyncIterator[None]:
        async with live, inbox:
            yield

    return make_app(SUMMARIES, broker, life)
