"""The state of a text conversation after its facts. Pure."""

from dataclasses import dataclass, field

from contracts import events as e
from infra.log.event_log import Fact


@dataclass(slots=True)
class SessionState:
    """The state of a session after its facts; applying one again changes nothing."""

    session_id: str
    sequence: int = 0
    door: str = ""
    user_id: str = ""
    resume_digest: str = ""
    profile: e.AgentProfile | None = None
    """How the first agent behaves; None until the session is opened."""
    closed: bool = False
    erased: bool = False
    session_sequence: int = 0
    """Sequence of the last `session.*` fact: a turn is only appended while it is the last."""
    turn_sequence: int = 0
    """Sequence of the last `turn.*` fact: the session is only closed while it is the last."""
    active_ns: int = 0
    ending: str = ""
    """Why the session ends after the answer that is being read; empty if it goes on."""
    unread: dict[str, e.ReplyStarted] = field(default_factory=dict)
    """Replies without a fact yet of how far they were read."""

    def apply(self, fact: Fact) -> None:
        """Apply the next fact."""
        event = fact.event
        self.sequence = max(self.sequence, fact.sequence)
        if isinstance(event, e.SessionOpened | e.SessionClosed | e.SessionErased):
            self.session_sequence = max(self.session_sequence, fact.sequence)
        if isinstance(event, e.TurnEnded | e.TurnInterrupted | e.TurnRecorded):
            self.turn_sequence = max(self.turn_sequence, fact.sequence)
        match event:
            case e.SessionOpened():
                self.door, self.user_id, self.resume_digest = event.door, event.user_id, event.resume_digest
                self.profile = event.profile
            case e.SessionClosed():
                self.closed = True
            case e.SessionErased():
                self.erased = True
            case e.EndRequested():
                self.ending = self.ending or event.reason
            case e.ReplyStarted(draft=False):
                self.unread[event.reply_id] = event
            case e.ReplyDiscarded() | e.PlaybackFinished() | e.PlaybackInterrupted():
                self.unread.pop(event.reply_id, None)
        if isinstance(event, e.SessionOpened | e.TurnEnded | e.PlaybackFinished | e.PlaybackInterrupted):
            self.active_ns = max(self.active_ns, event.time_ns)
