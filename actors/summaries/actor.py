"""Summaries: a rolling one while a session is long, and at its end what it was about."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

from faststream import FastStream

from actors.summaries.idle_model import Calls
from actors.summaries.summarising import revise, summarise
from contracts import events as e
from contracts.topology import MODEL_FREE, MODEL_WANTED, SUMMARIES
from infra.log.broker import make_app, make_broker
from infra.log.handlers import EventHandlers
from infra.log.inbox import Inbox, Job
from infra.log.live_events import LiveEvents
from infra.log.taped_log import EventLog, LiveLog
from infra.log.tapes import tapes_of
from infra.settings import Settings, settings
from infra.tape.tape import Tapes

InboxT = TypeVar("InboxT", bound=EventHandlers[Job | None])


def take_events(inbox: InboxT, event_log: EventLog, tapes: Tapes, settings: Settings, calls: Calls) -> InboxT:
    """Declare the handlers of what is summarised, and return the inbox."""

    @inbox.on(e.TurnRecorded)
    async def turn_recorded(event: e.TurnRecorded) -> None:
        """Revise the rolling summary if one is due."""
        await revise(event_log, tapes, settings, calls, event)

    @inbox.on(e.SessionClosed)
    async def session_closed(event: e.SessionClosed) -> None:
        """Write the summary of the whole session."""
        await summarise(event_log, tapes, settings, calls, event)

    return inbox


def make() -> FastStream:
    """Return the app of this actor."""
    broker = make_broker(SUMMARIES)
    tapes = tapes_of(broker)
    calls = Calls()
    # What calls need is of all sessions: a job's tape has whether the model was free for it.
    live = LiveEvents(broker, SUMMARIES)

    @live.on(*MODEL_WANTED, *MODEL_FREE)
    async def of_a_call(event: e.Event) -> None:
        """Note whether the call needs the local model now: summaries wait until none does."""
        calls.take(event.session_id, type(event))

    inbox = take_events(Inbox(broker, SUMMARIES, tapes=tapes), LiveLog(broker, tapes), tapes, settings(), calls)

    @asynccontextmanager
    async def life() -> AsyncIterator[None]:
        async with live, inbox:
            yield

    return make_app(SUMMARIES, broker, life)
