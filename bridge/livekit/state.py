"""What the agent is doing, in LiveKit's words: the attribute `lk.agent.state` that its components show. Pure."""

from contracts import events as e

INITIALIZING, LISTENING, THINKING, SPEAKING = "initializing", "listening", "thinking", "speaking"


class AgentState:
    """Follows the facts of a session. It listens when it is ready and hears somebody, or waits for no microphone."""

    def __init__(self) -> None:
        self._doing = LISTENING
        self._is_ready = False
        self._hears = False

    @property
    def now(self) -> str:
        """What the agent is doing."""
        return self._doing if self._doing != LISTENING or (self._is_ready and self._hears) else INITIALIZING

    def ready(self) -> None:
        """Note that the session has begun."""
        self._is_ready = True

    def hears(self, is_so: bool) -> None:
        """Note whether what people say now is heard."""
        self._hears = is_so

    def take(self, event: e.Event) -> None:
        """Take the next fact."""
        match event:
            case e.TurnEnded() if self._doing != SPEAKING:
                self._doing = THINKING
            case e.PlaybackStarted() | e.PlaybackResumed():
                self._doing = SPEAKING
            case (
                e.PlaybackPaused()
                | e.PlaybackFinished()
                | e.PlaybackInterrupted()
                | e.TurnPassed()
                | e.SpeechStarted(over_reply_id=None)
            ):
                self._doing = LISTENING
