"""Persistence in a replay: the records of exchanges, with the embeddings that their facts hold."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from actors.persistence.actor import Records, take_events
from actors.persistence.embedding import digest, packing
from contracts import events as e
from contracts.topology import PERSISTENCE
from infra.engines.embedding import embedder_of
from infra.log.handlers import EventHandlers
from infra.log.inbox import Job
from infra.replay.actors import HandlersReplayed, Replayed, ReplayedActor, Seat
from infra.replay.settings_then import settings_then


@asynccontextmanager
async def _built(seat: Seat) -> AsyncIterator[Replayed]:
    vectors = {
        digest(fact.event.embedding): fact.event.embedding
        for fact in seat.facts
        if isinstance(fact.event, e.TurnRecorded)
    }
    as_recorded = packing(lambda known: vectors.get(known, known))
    records = Records(seat.log, seat.tapes, embedder_of(settings_then(seat.facts)), as_recorded)
    inbox = EventHandlers[Job | None](f"durable {PERSISTENCE}", ())
    yield HandlersReplayed(seat, take_events(inbox, records, _unnoted))


async def _unnoted(event: e.Event) -> None:
    """Who is in the session is a view for look-ups: a replay writes none."""


def _decides(event: e.Event) -> bool:
    return isinstance(event, e.TurnRecorded | e.EngineFailed)


REPLAYED_PERSISTENCE = ReplayedActor(_built, _decides)
"""It does not decide what its recorder stores of the sound."""
