"""The conversation as the caller knows it from the session's facts: whether an answer is still to come."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class CallState:
    """A fold of the facts that the door sends."""

    speaking: bool = False
    """Speech was noticed, and it is not yet known whether it is a turn."""
    awaited_turn: str | None = None
    """The last turn that has ended and whose reply has not been heard to its end."""
    decisions: int = 0
    """How often speech was decided to be a turn or nothing."""
    last_name: str = "nothing"
    _replies: dict[str, str] = field(default_factory=dict)
    """The last reply to each turn that was not discarded."""
    _with_words: set[str] = field(default_factory=set)
    """Turns with known words: they will end."""
    _interrupting: set[str] = field(default_factory=set)
    """Utterances that have stopped a reply; whether they are a turn is decided after that."""
    _no_speech: set[str] = field(default_factory=set)
    """Facts that dismissed utterances; some are answered anyway: "I only understand English"."""
    _done: set[str] = field(default_factory=set)
    """Replies that have been heard, or have nothing to hear."""

    def take(self, name: str, data: dict[str, Any]) -> None:
        """Fold in one fact."""
        self.last_name = name
        turn_id, reply_id = data.get("turn_id") or "", data.get("reply_id") or ""
        if name == "SpeechStarted":
            self.speaking = True
        elif name == "TurnEnded":
            self.speaking, self.awaited_turn = False, turn_id
            self.decisions += 1
        elif name == "UtteranceTranscribed" and data.get("text"):
            self._with_words.add(turn_id)
        elif name == "TurnInterrupted":
            self._interrupting.add(data.get("utterance_id") or "")
        elif self._is_no_turn(name, data):
            self.speaking = False
            self.decisions += 1
            self._no_speech.add(data.get("event_id") or "")
        else:
            self._take_reply(name, turn_id, reply_id, data)
        if self.awaited_turn is not None and self._replies.get(self.awaited_turn) in self._done:
            self.awaited_turn = None

    def _take_reply(self, name: str, turn_id: str, reply_id: str, data: dict[str, Any]) -> None:
        if name == "ReplyStarted":
            self._replies[turn_id] = reply_id
            if data.get("cause_id") in self._no_speech:
                self.awaited_turn = turn_id
        elif name == "ReplyDiscarded":
            if self._replies.get(turn_id) == reply_id:
                del self._replies[turn_id]
        elif self._is_over(name, data):
            self._done.add(reply_id)

    def _is_no_turn(self, name: str, data: dict[str, Any]) -> bool:
        if name == "UtteranceDismissed":
            if data.get("over_reply_id") and data.get("utterance_id") not in self._interrupting:
                return False  # the answer to the interruption counts
            return data.get("turn_id") not in self._with_words
        return name == "InterruptionDismissed" and data.get("reason") != "unaddressed"

    def _is_over(self, name: str, data: dict[str, Any]) -> bool:
        if name in ("PlaybackFinished", "PlaybackInterrupted"):
            return True
        return name == "ReplyCompleted" and data.get("clauses") == 0

    @property
    def settled(self) -> bool:
        """Nothing is being decided and no answer is outstanding."""
        return not self.speaking and self.awaited_turn is None

    def waiting_for(self) -> str:
        """Return what is still to come, as text."""
        if self.speaking:
            return "the end of the turn"
        if self.awaited_turn is not None:
            return f"the reply to turn {self.awaited_turn}"
        return "anything to be heard by the agent"
