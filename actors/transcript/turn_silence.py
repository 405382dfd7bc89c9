"""How long the silence of one track's turn must last, from what is known of it now: by words, or by the voice."""

import logging
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from actors.transcript.endpointing import is_unfinished, is_whole_question, required_silence_ms
from actors.transcript.patience import (
    PATIENCES,
    Asked,
    BadWeights,
    Patience,
    Required,
    SpokenSoFar,
    TurnWeights,
    asked_by,
    required,
    weights_in,
)
from actors.transcript.session_state import SessionState
from actors.transcript.turn import OpenTurn
from infra.settings import Settings

log = logging.getLogger(__name__)

OWN_PAUSES = 8
"""How many of somebody's last pauses are remembered."""
SHORTEST_PAUSE_MS = 150
"""A shorter silence lies within a word or between two."""


@dataclass(frozen=True, slots=True)
class Silence:
    """How long nobody has spoken, and how long that must last to end the turn."""

    ms: float
    required_ms: float


@dataclass(slots=True)
class TurnSilence:
    """The policy of one track. With a `patience` the words decide, and the end-of-turn model is not asked."""

    settings: Settings
    view: SessionState
    participant_id: str
    own_pauses_ms: deque[float] = field(default_factory=lambda: deque(maxlen=OWN_PAUSES))
    _weights: TurnWeights = field(init=False)

    def __post_init__(self) -> None:
        """Read the weights. With some that cannot be used, those of the program count: no call waits for a setting."""
        try:
            self._weights = weights_in(self.settings.turn_weights)
        except BadWeights as error:
            log.warning("DAREDEVIL_TURN_WEIGHTS is not used: %s", error)
            self._weights = weights_in("")

    @property
    def patience(self) -> Patience | None:
        """The patience of the session; None if the end-of-turn model decides."""
        return self.settings.patience if self.settings.patience in PATIENCES else None

    def went_on(self, pause_ms: float) -> None:
        """Note a pause after which the person went on."""
        if pause_ms >= SHORTEST_PAUSE_MS:
            self.own_pauses_ms.append(round(pause_ms, 1))

    def required_ms(self, turn: OpenTurn) -> float:
        """Return the silence that ends the turn."""
        if (found := self.by_words(turn)) is not None:
            return found.silence_ms
        return required_silence_ms(
            turn.last.probability,
            turn.text(),
            self.settings.min_endpointing_delay_ms,
            self.settings.max_endpointing_delay_ms,
        )

    def by_words(self, turn: OpenTurn) -> Required | None:
        """Return what the silence must last, and why; None if the end-of-turn model decides."""
        return None if self.patience is None else required(self._words(turn), self.patience, self._weights)

    @property
    def shortest_ms(self) -> float | None:
        """The silence after which a turn that is surely over ends; None if the end-of-turn model decides."""
        return None if self.patience is None else self._weights.lengths[self.patience].short_ms

    def evidence(self, turn: OpenTurn) -> dict[str, Any]:
        """Return the fields of TurnEvidence that say what decided."""
        found: dict[str, Any] = {
            "unfinished": is_unfinished(turn.text()),
            "whole_question": is_whole_question(turn.text()),
        }
        if (decided := self.by_words(turn)) is None:
            return found
        words = self._words(turn)
        return found | {
            "patience": self.patience,
            "reason": decided.reason,
            "end_probability": words.end_probability,
            "score": None if decided.score is None else round(decided.score, 3),
            "asked": words.asked,
            "own_pauses_ms": tuple(self.own_pauses_ms),
        }

    def _words(self, turn: OpenTurn) -> SpokenSoFar:
        scored = self.view.scored.get(self.participant_id)
        is_of_these = scored is not None and scored.cause_id == turn.last.revised_id
        is_settled = turn.last.revised == (turn.text(), True)
        probability = scored.end_probability if scored is not None and is_of_these and is_settled else None
        return SpokenSoFar(turn.text(), probability, self._asked(), tuple(self.own_pauses_ms))

    def _asked(self) -> Asked:
        """Return what the agent's last sentence asked for: of the reply that was begun last and may be heard."""
        replies = [reply for reply in self.view.replies.values() if not reply.draft and reply.clauses]
        return asked_by("".join(replies[-1].clauses)) if replies else ""
