"""How a session stands in the log, and which facts open or resume it. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from bridge.protocol import Hello
from contracts import events as e
from contracts.ids import derive_id
from infra.settings import Settings

PERSON, AGENT = "caller", "agent"
WEBSOCKET = "websocket"


@dataclass(slots=True)
class Standing:
    """What the facts of a session come to: whether it is open, who is in it, which microphones."""

    opened: bool = False
    closed: bool = False
    door: str = ""
    participants: set[str] = field(default_factory=set)
    open_tracks: dict[str, str] = field(default_factory=dict)
    tracks: set[str] = field(default_factory=set)

    def take(self, event: e.Event) -> None:
        """Take the next fact; taking one again changes nothing."""
        match event:
            case e.SessionOpened():
                self.opened, self.door = True, event.door
            case e.SessionClosed():
                self.closed = True
            case e.ParticipantJoined():
                self.participants.add(event.participant_id)
            case e.ParticipantLeft():
                self.participants.discard(event.participant_id)
            case e.TrackPublished():
                if event.track_id not in self.tracks:
                    self.open_tracks[event.track_id] = event.participant_id
                self.tracks.add(event.track_id)
            case e.TrackUnpublished():
                self.open_tracks.pop(event.track_id, None)


def standing_of(facts: Iterable[e.Event]) -> Standing:
    """Return how a session stands after its facts."""
    standing = Standing()
    for event in facts:
        standing.take(event)
    return standing


def opened_id(session_id: str) -> str:
    """Return the id of a session's SessionOpened: two doors that open it at once say it once."""
    return derive_id(session_id, "SessionOpened")


def opening_events(session_id: str, standing: Standing, hello: Hello, settings: Settings, now_ns: int) -> list[e.Event]:
    """Return what is to be said when a client opens or resumes a session, in order."""
    cause_id = opened_id(session_id)
    events: list[e.Event] = []
    if not standing.opened:
        events.append(
            e.SessionOpened(
                event_id=cause_id,
                session_id=session_id,
                time_ns=now_ns,
                door=WEBSOCKET,
                user_id=hello.user_id or "anonymous",
                profile=profile_of(settings),
            )
        )
    for participant_id, kind, name in ((PERSON, "person", hello.name), (AGENT, "agent", "")):
        if participant_id not in standing.participants:
            events.append(joined(session_id, participant_id, kind, name, now_ns))
    for track_id, participant_id in standing.open_tracks.items():
        events.append(unpublished(session_id, track_id, participant_id, 0, "replaced", now_ns))
    if hello.mic:
        events.append(
            e.TrackPublished(
                event_id=derive_id(cause_id, "TrackPublished", len(standing.tracks)),
                session_id=session_id,
                time_ns=now_ns,
                cause_id=cause_id,
                track_id=derive_id(cause_id, "track", len(standing.tracks)),
                participant_id=PERSON,
            )
        )
    return events


def profile_of(settings: Settings) -> e.AgentProfile:
    """Return the profile that sessions opened now have."""
    return e.AgentProfile(
        prompt=settings.prompt,
        llm=settings.llm,
        stt=settings.stt,
        tts=settings.tts,
        voice=settings.voice,
        greeting=settings.greeting,
        agent_name=settings.agent_name,
        addressee=settings.addressee,
    )


def joined(session_id: str, participant_id: str, kind: str, name: str, now_ns: int) -> e.ParticipantJoined:
    """Return that somebody entered the session; `kind` is `person` or `agent`."""
    cause_id = opened_id(session_id)
    return e.ParticipantJoined(
        event_id=derive_id(cause_id, f"ParticipantJoined.{participant_id}"),
        session_id=session_id,
        time_ns=now_ns,
        cause_id=cause_id,
        participant_id=participant_id,
        kind="agent" if kind == "agent" else "person",
        name=name,
    )


def unpublished(
    session_id: str, track_id: str, participant_id: str, samples: int, reason: str, now_ns: int
) -> e.TrackUnpublished:
    """Return that a microphone is closed; whoever says it of a track says the same fact."""
    return e.TrackUnpublished(
        event_id=derive_id(track_id, "TrackUnpublished"),
        session_id=session_id,
        time_ns=now_ns,
        cause_id=opened_id(session_id),
        track_id=track_id,
        participant_id=participant_id,
        samples=samples,
        reason=reason,
    )


def closing_events(session_id: str, reason: str, now_ns: int) -> list[e.Event]:
    """Return what is said at a session's end, after its microphone was closed."""
    cause_id = opened_id(session_id)
    return [
        e.ParticipantLeft(
            event_id=derive_id(cause_id, "ParticipantLeft"),
            session_id=session_id,
            time_ns=now_ns,
            cause_id=cause_id,
            participant_id=PERSON,
            reason=reason,
        ),
        e.SessionClosed(
            event_id=derive_id(cause_id, "SessionClosed"),
            session_id=session_id,
            time_ns=now_ns,
            cause_id=cause_id,
            reason=reason,
        ),
    ]
