"""Saying facts about a track: each once, and never past another owner."""

import logging

from faststream.nats import NatsBroker

from actors.transcript.session_state import SessionView
from contracts import events as e
from infra.log.event_log import Fact, Fence, Stale, facts_after, say

log = logging.getLogger(__name__)

FENCE_ATTEMPTS = 5


class Voice:
    """Says an owner's facts and keeps the view of the session up to date with them."""

    def __init__(self, broker: NatsBroker, session_id: str, track_id: str, view: SessionView) -> None:
        self._broker = broker
        self._session_id = session_id
        self._track_id = track_id
        self._view = view
        self._own: set[str] = set()

    async def say(self, event: e.Event) -> None:
        """Store a fact unless it is in the log already. Raises LogUnavailable."""
        if event.event_id in self._view.said:
            return
        self._own.add(event.event_id)
        self._view.apply(Fact(await say(self._broker, event), event))

    async def say_fenced(self, event: e.Event) -> None:
        """Store a fact about the turn, if no other owner of this track has gone on. Raises Stale if one has.

        Facts of others on the same subjects (typed text, another track) only move the fence. Where another owner has
        ended the turn meanwhile, it interrupts nothing any more: what is said then is its answer.
        """
        self._own.add(event.event_id)
        for _ in range(FENCE_ATTEMPTS):
            ended = isinstance(event, e.TurnInterrupted) and event.turn_id in self._view.ended_turns
            if ended or event.event_id in self._view.said:
                return
            fence = Fence(f"voice.{self._session_id}.turn.*", self._view.turn_sequence)
            try:
                self._view.apply(Fact(await say(self._broker, event, fence), event))
                return
            except Stale:
                await self._catch_up()
        raise Stale(f"{type(event).__name__} of {self._session_id}: the fence moves on and on")

    async def _catch_up(self) -> None:
        for fact in await facts_after(self._broker, self._session_id, self._view.turn_sequence):
            started = isinstance(fact.event, e.SpeechStarted) and fact.event.track_id == self._track_id
            if started and fact.event.event_id not in self._view.said | self._own:
                raise Stale(f"another owner of track {self._track_id} has gone on")
            self._view.apply(fact)
