"""Appends facts about a track: each once, and never after another owner's."""

import logging

from actors.transcript.session_state import SessionState
from actors.transcript.taped_sound import TapedSound
from contracts import events as e
from contracts.topology import (
    session_subjects,
)
from infra.log.event_log import ExpectedSequence, StaleWriter
from infra.log.taped_log import EventLog

log = logging.getLogger(__name__)

FENCE_ATTEMPTS = 5


class EventWriter:
    """Appends an owner's facts and keeps the session state up to date with them."""

    def __init__(
        self, event_log: EventLog, taped: TapedSound, session_id: str, track_id: str, view: SessionState
    ) -> None:
        self._log = event_log
        self._taped = taped
        self._session_id = session_id
        self._track_id = track_id
        self._state = view
        self._own: set[str] = set()

    async def append(self, event: e.Event) -> None:
        """Append a fact unless it is in the log already. Raises LogUnavailable."""
        if event.event_id in self._state.said:
            return
        self._own.add(event.event_id)
        self._taped.flush()
        self._state.apply(await self._log.append(event))

    async def append_expected(self, event: e.Event) -> None:
        """Append a fact about the turn, unless another owner of this track has continued (StaleWriter).

        Facts of others on the same subjects (typed text, another track) only move the expected sequence. If an owner
        of this track has ended the turn, it interrupts nothing any more: a reply that follows is its answer.
        """
        self._own.add(event.event_id)
        for _ in range(FENCE_ATTEMPTS):
            ended = isinstance(event, e.TurnInterrupted) and event.turn_id in self._state.ended_turns
            if ended or event.event_id in self._state.said:
                return
            expected = ExpectedSequence(session_subjects(self._session_id, "turn"), self._state.turn_sequence)
            self._taped.flush()
            try:
                self._state.apply(await self._log.append(event, expected))
                return
            except StaleWriter:
                await self._catch_up()
        raise StaleWriter(f"{type(event).__name__} of {self._session_id}: the log keeps moving; it is tried again")

    async def _catch_up(self) -> None:
        for fact in await self._log.facts_after(self._session_id, self._state.turn_sequence):
            started = isinstance(fact.event, e.SpeechStarted) and fact.event.track_id == self._track_id
            if started and fact.event.event_id not in self._state.said | self._own:
                raise StaleWriter(f"another owner of track {self._track_id} has taken over")
            self._state.apply(fact)
