"""Synthesis: clauses become the agent's sound, and an event is appended when all of it is published."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

from faststream import FastStream
from faststream.nats import NatsBroker
from livekit.agents.utils import http_context

from actors.synthesis.clause_synthesis import Synthesis, outlets_on
from actors.synthesis.phrases_ahead import make_frequent_ahead
from actors.synthesis.voices import Voices
from contracts.events import ReplyClauseWritten, ReplyDiscarded, SessionClosed, TurnInterrupted
from contracts.topology import SOUND_AGAIN, SYNTHESIS
from infra.engines.tts import load_chain
from infra.log.broker import make_app, make_broker
from infra.log.connection import connection
from infra.log.handlers import EventHandlers
from infra.log.inbox import Inbox, Job
from infra.log.live_events import LiveEvents
from infra.log.requests import RequestHandlers
from infra.log.taped_log import LiveLog
from infra.log.tapes import tapes_of
from infra.process.tasks import ended
from infra.settings import Settings, settings
from infra.tape.untaped import Untaped

InboxT = TypeVar("InboxT", bound=EventHandlers[Job | None])
LiveT = TypeVar("LiveT", bound=EventHandlers[None])

MOST_AGAIN = 50
"""Most repair requests for lost sound at a time; more are refused."""


def take_events(inbox: InboxT, synthesis: Synthesis) -> InboxT:
    """Declare the handler of clauses, and return the inbox."""

    @inbox.on(ReplyClauseWritten)
    async def clause_written(event: ReplyClauseWritten) -> None:
        """Publish the clause's sound, then append that all of it is published."""
        await synthesis.synthesize(event)

    return inbox


def listen(live: LiveT, synthesis: Synthesis) -> LiveT:
    """Declare the live handlers of every copy, which may be making sound that is no longer needed."""

    @live.on(TurnInterrupted, ReplyDiscarded)
    async def reply_stopped(event: TurnInterrupted | ReplyDiscarded) -> None:
        """Stop the reply."""
        synthesis.stop(event.session_id, event.reply_id)

    @live.on(SessionClosed)
    async def session_closed(event: SessionClosed) -> None:
        """Stop all of the session's replies."""
        synthesis.stop(event.session_id)
        synthesis.forget(event.session_id)

    return live


def answer_requests(broker: NatsBroker, synthesis: Synthesis) -> RequestHandlers:
    """Return the requests that a copy answers."""
    requests = RequestHandlers(broker, SYNTHESIS, MOST_AGAIN)

    @requests.on(SOUND_AGAIN, ReplyClauseWritten)
    async def sound_again(clause: ReplyClauseWritten) -> bytes:
        """Publish a clause's sound again for a door that lost it; answer with the reason if it was not published."""
        return (await synthesis.synthesize_again(clause)).encode()

    return requests


def synthesis_on(broker: NatsBroker, voices: Voices, settings: Settings) -> Synthesis:
    """Return a copy of the actor that works on the log of `broker`."""
    tapes = tapes_of(broker)
    untaped = LiveLog(broker, Untaped(tapes.instance))
    return Synthesis(LiveLog(broker, tapes), tapes, untaped, outlets_on(broker), voices, settings)


def make() -> FastStream:
    """Return the app of this actor."""
    broker = make_broker(SYNTHESIS)
    voices = Voices(settings(), load_chain)
    synthesis = synthesis_on(broker, voices, settings())
    inbox = take_events(Inbox(broker, SYNTHESIS, tapes=tapes_of(broker)), synthesis)
    live = listen(LiveEvents(broker, SYNTHESIS, tapes_of(broker)), synthesis)
    requests = answer_requests(broker, synthesis)

    @asynccontextmanager
    async def life() -> AsyncIterator[None]:
        async with http_context.open():  # plugins share it
            await voices.open()
            try:
                async with live, requests, inbox:
                    work = make_frequent_ahead(
                        connection(broker), voices.loaded, lambda: synthesis.is_working, settings().opener
                    )
                    ahead = asyncio.create_task(work, name="phrases made ahead")
                    try:
                        yield
                    finally:
                        await ended(ahead)
            finally:
                await synthesis.close()
                await voices.close()

    return make_app(SYNTHESIS, broker, life, lambda: () if voices.usable else ("speak",))
