"""Whether somebody is speaking, so that no reply begins over them."""

from dataclasses import dataclass

from contracts import events as e

DECISION_PATIENCE_NS = 4_000_000_000
"""Speech without a decision holds the floor, and a pause it caused lasts, no longer than this."""


@dataclass(slots=True)
class _Speech:
    started: e.SpeechStarted
    last_ns: int

    @property
    def utterance_id(self) -> str:
        return self.started.utterance_id


class Floor:
    """Each speaker holds it, from SpeechStarted until it is decided what the speech was. Times are Unix epoch ns."""

    def __init__(self) -> None:
        self._speeches: dict[str, _Speech] = {}
        """By participant id."""

    def hear(self, event: e.Event, now_ns: int) -> None:
        """Apply a fact of the session."""
        match event:
            case e.SpeechStarted():
                self._speeches[event.participant_id] = _Speech(event, now_ns)
            case e.TurnEnded(source="speech") | e.ParticipantLeft():
                self._speeches.pop(event.participant_id, None)
            case e.InterruptionDismissed() | e.UtteranceDismissed():
                if self._is_latest_of(event.participant_id, event.utterance_id):
                    self._speeches.pop(event.participant_id, None)
            case e.SpeechEnded() | e.TranscriptRevised() | e.TurnInterrupted():
                if (speech := self._speeches.get(event.participant_id)) is not None:
                    speech.last_ns = now_ns

    def _is_latest_of(self, participant_id: str, utterance_id: str) -> bool:
        speech = self._speeches.get(participant_id)
        return speech is None or speech.utterance_id == utterance_id

    def is_free_after(self, participant_id: str, utterance_id: str) -> bool:
        """Return whether nobody speaks once this utterance is dismissed, neither its speaker again nor anyone else."""
        return self._is_latest_of(participant_id, utterance_id) and not set(self._speeches) - {participant_id}

    def is_held(self, now_ns: int, patience_ns: int) -> bool:
        """Return whether somebody speaks, or spoke less than `patience_ns` ago with no decision yet."""
        return self.undecided(now_ns, patience_ns) is not None

    def undecided(self, now_ns: int, patience_ns: int) -> e.SpeechStarted | None:
        """Return the start of a speech that holds the floor, if there is one."""
        held = (speech.started for speech in self._speeches.values() if now_ns - speech.last_ns < patience_ns)
        return next(held, None)

    def release(self) -> None:
        """Release the floor for everybody: no decision arrived."""
        self._speeches.clear()
