"""Whether somebody is speaking, so that no reply begins over them."""

from dataclasses import dataclass

from contracts import events as e


@dataclass(slots=True)
class _Speech:
    utterance_id: str
    last_ns: int


class Floor:
    """Held from SpeechStarted until the decision what the speech was; times are Unix epoch ns."""

    def __init__(self) -> None:
        self._speech: _Speech | None = None

    def hear(self, event: e.Event, now_ns: int) -> None:
        """Take a fact of the session."""
        match event:
            case e.SpeechStarted():
                self._speech = _Speech(event.utterance_id, now_ns)
            case e.TurnEnded(source="speech"):
                self._speech = None
            case e.InterruptionDismissed() if self.is_held_by(event.utterance_id):
                self._speech = None
            case e.SpeechEnded() | e.TranscriptRevised() | e.TurnInterrupted() if self._speech is not None:
                self._speech.last_ns = now_ns

    def is_held_by(self, utterance_id: str) -> bool:
        """Tell whether this utterance has the floor; with nobody speaking, any may decide."""
        return self._speech is None or self._speech.utterance_id == utterance_id

    def is_held(self, now_ns: int, patience_ns: int) -> bool:
        """Tell whether somebody speaks, or spoke less than `patience_ns` ago with no decision yet."""
        return self._speech is not None and now_ns - self._speech.last_ns < patience_ns

    def release(self) -> None:
        """Give the floor up: no decision came."""
        self._speech = None
