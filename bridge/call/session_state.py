"""The state of a session by its log: whether it is open, its people and its microphones. Pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from contracts import events as e


@dataclass(slots=True)
class SessionState:
    """The result of applying a session's facts."""

    opened: bool = False
    closed: bool = False
    door: str = ""
    profile: e.AgentProfile | None = None
    """How the agent behaves; None until the session is opened."""
    user_id: str = ""
    resume_digest: str = ""
    """Hash of the secret with which its client resumes it."""
    participants: dict[str, str] = field(default_factory=dict)
    """Its participants in the order of their arrival, and their kind: `person` or `agent`."""
    joins: Counter[str] = field(default_factory=Counter)
    """How often each has entered."""
    open_tracks: dict[str, str] = field(default_factory=dict)
    """Open microphones and their owners."""
    tracks: set[str] = field(default_factory=set)

    @property
    def people(self) -> list[tuple[str, int]]:
        """Its people, each with how often they had entered before."""
        people = (participant_id for participant_id, kind in self.participants.items() if kind == "person")
        return [(person, self.joins[person] - 1) for person in people]

    def apply(self, event: e.Event) -> None:
        """Apply the next fact; applying one again changes nothing."""
        match event:
            case e.SessionOpened():
                self.opened, self.door, self.profile = True, event.door, event.profile
                self.user_id, self.resume_digest = event.user_id, event.resume_digest
            case e.HandedOver():
                self.profile = event.profile
            case e.SessionClosed():
                self.closed = True
            case e.ParticipantJoined():
                if event.participant_id not in self.participants:
                    self.joins[event.participant_id] += 1
                self.participants.setdefault(event.participant_id, event.kind)
            case e.ParticipantLeft():
                self.participants.pop(event.participant_id, None)
            case e.TrackPublished():
                if event.track_id not in self.tracks:
                    self.open_tracks[event.track_id] = event.participant_id
                self.tracks.add(event.track_id)
            case e.TrackUnpublished():
                self.open_tracks.pop(event.track_id, None)


def session_state_of(facts: Iterable[e.Event]) -> SessionState:
    """Return the state of a session after its facts."""
    state = SessionState()
    for event in facts:
        state.apply(event)
    return state
