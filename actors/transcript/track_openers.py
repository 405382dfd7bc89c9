"""Cues the agent's opener in the pauses of one track, and takes it back when its speaker goes on."""

from actors.transcript.echo.canceller import EchoCanceller
from actors.transcript.event_writer import EventWriter
from actors.transcript.opener import OpenerRule
from actors.transcript.patience import Required
from actors.transcript.session_state import SessionState
from actors.transcript.track_events import TrackEvents
from actors.transcript.turn import OpenTurn
from actors.transcript.turn_silence import Silence, TurnSilence
from infra.session.people import is_company

MOST_FALSE_STARTS = 2
"""After so many in a row there are no more for this person: they pause like that, or an opener comes back to their
microphone, whose echo was not known yet."""


class TrackOpeners:
    """Decides about the openers of one track, at most one in a turn, and appends its decisions."""

    def __init__(
        self,
        view: SessionState,
        policy: TurnSilence,
        echo: EchoCanceller,
        writer: EventWriter,
        facts: TrackEvents,
    ) -> None:
        self._view = view
        self._policy = policy
        self._echo = echo
        self._writer = writer
        self._facts = facts

    async def consider(self, turn: OpenTurn, silence: Silence, speech_ended_ns: int) -> None:
        """Let the agent begin, if the silence after the turn's words so far is one to begin in."""
        required = self._due(turn, silence)
        if required is not None:
            await self._writer.append(
                self._facts.opener_cued(
                    turn.last.started, self._policy.settings.opener, silence.ms, required, speech_ended_ns
                )
            )

    async def take_back(self, turn_id: str, went_on_ns: int) -> None:
        """Append that its speaker goes on, if an opener was cued in the turn; once."""
        cued = self._view.openers.get(turn_id)
        if cued is not None and cued.reply_id not in self._view.retracted:
            await self._writer.append(self._facts.opener_retracted(cued, went_on_ns))

    def _due(self, turn: OpenTurn, silence: Silence) -> Required | None:
        """Return what the silence must last, if the opener is to be said into it now, else None."""
        opener, shortest_ms = self._policy.settings.opener, self._policy.shortest_ms
        if not opener or shortest_ms is None or turn.turn_id in self._view.openers:
            return None
        if self._view.floor_reply() is not None or self._in_company(turn) or self._is_braked(turn):
            return None
        if not self._echo.hears_nothing:
            return None  # an echo of the opener would be taken for the caller going on
        required = self._policy.by_words(turn)
        is_due = required is not None and OpenerRule(opener, shortest_ms).is_due(required, silence.ms, self._drafted())
        return required if is_due else None

    def _in_company(self, turn: OpenTurn) -> bool:
        return is_company(self._view.people, turn.last.started.participant_id)

    def _is_braked(self, turn: OpenTurn) -> bool:
        speaker_id = turn.last.started.participant_id
        own = [cued.reply_id for cued in self._view.openers.values() if cued.participant_id == speaker_id]
        last = own[-MOST_FALSE_STARTS:]
        return len(last) == MOST_FALSE_STARTS and self._view.retracted.issuperset(last)

    def _drafted(self) -> str:
        """Return the beginning of the answer that is being drafted."""
        newest = next(reversed(self._view.replies.values()), None)
        return newest.clauses[0] if newest is not None and newest.draft and newest.clauses else ""
