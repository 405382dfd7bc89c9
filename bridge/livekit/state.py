"""What the agent is doing, in LiveKit's words: the attribute `lk.agent.state` that its components show. Pure."""

from contracts import events as e

INITIALIZING, LISTENING, THINKING, SPEAKING = "initializing", "listening", "thinking", "speaking"


class AgentState:
    """Follows the facts of a session."""

    def __init__(self) -> None:
        self.now = INITIALIZING

    def ready(self) -> None:
        """Note that there is somebody to listen to."""
        if self.now == INITIALIZING:
            self.now = LISTENING

    def take(self, event: e.Event) -> None:
        """Take the next fact."""
        match event:
            case e.TurnEnded() if self.now != SPEAKING:
                self.now = THINKING
            case e.PlaybackStarted() | e.PlaybackResumed():
                self.now = SPEAKING
            case (
                e.PlaybackPaused()
                | e.PlaybackFinished()
                | e.PlaybackInterrupted()
                | e.TurnPassed()
                | e.SpeechStarted(over_reply_id=None)
            ):
                self.now = LISTENING
