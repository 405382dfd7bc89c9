"""Summaries in a replay: the same notes and summaries from the answers that models gave then."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from actors.summaries.actor import take_events
from actors.summaries.idle_model import Calls
from contracts.topology import DURABLES, SUMMARIES
from infra.log.handlers import EventHandlers
from infra.log.inbox import Job
from infra.replay.actors import HandlersReplayed, Replayed, ReplayedActor, Seat
from infra.replay.settings_then import settings_then

_EVENTS = next(durable.events for durable in DURABLES if durable.name == SUMMARIES)


@asynccontextmanager
async def _built(seat: Seat) -> AsyncIterator[Replayed]:
    inbox = EventHandlers[Job | None](f"durable {SUMMARIES}", _EVENTS)
    yield HandlersReplayed(seat, take_events(inbox, seat.log, seat.tapes, settings_then(seat.facts), Calls()))


REPLAYED_SUMMARIES = ReplayedActor(_built)
