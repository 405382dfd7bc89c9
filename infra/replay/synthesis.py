"""Synthesis in a replay: each clause's sound is as long as it was, in silence, and its words end where they did."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from actors.synthesis.actor import listen, take_events
from actors.synthesis.clause_synthesis import Synthesis
from actors.synthesis.voices import Voices
from contracts.topology import DURABLES, LISTENERS, SYNTHESIS
from infra.engines.tts import TextToSpeech
from infra.log.handlers import EventHandlers
from infra.log.inbox import Job
from infra.replay.actors import HandlersReplayed, Replayed, ReplayedActor, Seat
from infra.replay.settings_then import settings_then
from infra.settings import Settings

_EVENTS = next(durable.events for durable in DURABLES if durable.name == SYNTHESIS)
_HEARD_LIVE = tuple(event_class for row in LISTENERS if row.process == SYNTHESIS for event_class in row.events)


class _Silent:
    """Takes frames and publishes none."""

    first_frame_ns = 0

    async def send(self, frame: bytes) -> None:
        """Nobody listens to a replay."""

    async def confirm(self) -> None:
        """Not asked: the tape has when NATS had received all frames then."""


@asynccontextmanager
async def _built(seat: Seat) -> AsyncIterator[Replayed]:
    settings = settings_then(seat.facts)
    voices = Voices(settings, _no_voice)
    synthesis = Synthesis(seat.log, seat.tapes, seat.log, lambda _: _Silent(), voices, settings)
    inbox = take_events(EventHandlers[Job | None](f"durable {SYNTHESIS}", _EVENTS), synthesis)
    live = listen(EventHandlers[None](f"listener {SYNTHESIS}", _HEARD_LIVE), synthesis)
    try:
        yield HandlersReplayed(seat, inbox, live)
    finally:
        await synthesis.close()


def _no_voice(settings: Settings) -> TextToSpeech:
    raise AssertionError(f"a replay loads no voice, not even {settings.tts}")


REPLAYED_SYNTHESIS = ReplayedActor(_built)
