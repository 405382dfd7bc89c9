"""The facts that open, resume and close a session, and of its people's coming and going. Pure.

Their ids follow from the session and its state, so if two doors append the same one at once, it is stored once.
"""

from collections.abc import Iterable
from typing import Any, Literal

from bridge.call.session_state import SessionState
from contracts import events as e
from contracts.answers import Cause, answer
from contracts.ids import derive_id
from contracts.profile import AgentProfile
from infra.engines.versions import engines_of
from infra.process.build import build
from infra.session.behaviour import in_session, in_share, profile_of
from infra.settings import Settings

PERSON, AGENT = "caller", "agent"
WEBSOCKET = "websocket"

SUMMARY_PATIENCE_S = 60.0
"""How long to wait for the summary: a small local model takes 5 s, on a busy machine over 30 s."""


def opened_id(session_id: str) -> str:
    """Return the id of a session's SessionOpened: if two doors open it at once, it is stored once."""
    return derive_id(session_id, "SessionOpened")


def opening(session_id: str) -> Cause:
    """Return a session's SessionOpened as the cause of other events."""
    return Cause(session_id, opened_id(session_id))


def session_opened(
    session_id: str,
    door: str,
    user_id: str,
    settings: Settings,
    now_ns: int,
    resume_digest: str = "",
    profile: AgentProfile | None = None,
) -> e.SessionOpened:
    """Return the event that opens a session at a door, with the agent of the settings unless a profile is given."""
    if profile is None:
        profile = profile_of(in_share(settings, session_id))
    return answer(
        Cause(session_id),
        e.SessionOpened,
        time_ns=now_ns,
        id_from=session_id,
        door=door,
        user_id=user_id or "anonymous",
        profile=profile,
        resume_digest=resume_digest,
        build=build(),
        engines=engines_of(in_session(settings, profile)),
    )


def joined(
    session_id: str, participant_id: str, kind: str, name: str, now_ns: int, n: int = 0, **more: Any
) -> e.ParticipantJoined:
    """Return the event of somebody's `n`-th entry into the session; `kind` is `person` or `agent`."""
    return answer(
        opening(session_id),
        e.ParticipantJoined,
        time_ns=now_ns,
        id_name=f"ParticipantJoined.{participant_id}",
        id_n=n,
        participant_id=participant_id,
        kind="agent" if kind == "agent" else "person",
        name=name,
        **more,
    )


def left(session_id: str, participant_id: str, reason: str, now_ns: int, n: int = 0) -> e.ParticipantLeft:
    """Return the event of somebody's `n`-th departure from the session."""
    return answer(
        opening(session_id),
        e.ParticipantLeft,
        time_ns=now_ns,
        id_name=f"ParticipantLeft.{participant_id}",
        id_n=n,
        participant_id=participant_id,
        reason=reason,
    )


def published(
    session_id: str, track_id: str, participant_id: str, now_ns: int, n: int | None = None
) -> e.TrackPublished:
    """Return the event that a microphone is open; `n` numbers a session's tracks where the door does not name them."""
    return answer(
        opening(session_id),
        e.TrackPublished,
        time_ns=now_ns,
        id_from=track_id if n is None else None,
        id_n=n or 0,
        track_id=track_id,
        participant_id=participant_id,
    )


def unpublished(
    session_id: str, track_id: str, participant_id: str, samples: int, reason: str, now_ns: int
) -> e.TrackUnpublished:
    """Return the event that a microphone is closed: the same one, whoever appends it."""
    return answer(
        opening(session_id),
        e.TrackUnpublished,
        time_ns=now_ns,
        id_from=track_id,
        track_id=track_id,
        participant_id=participant_id,
        samples=samples,
        reason=reason,
    )


def sound_lost(
    session_id: str,
    track_id: str,
    participant_id: str,
    place: tuple[int, int],
    lost_ms: float,
    reason: Literal["log-away", "flood"],
    now_ns: int,
) -> e.SoundLost:
    """Return the event that sound of a microphone is lost: `place` is its `[start, end)` in the track."""
    start, end = place
    return answer(
        opening(session_id),
        e.SoundLost,
        time_ns=now_ns,
        id_from=track_id,
        id_name=f"SoundLost.{reason}.{start}",
        id_n=now_ns,
        track_id=track_id,
        participant_id=participant_id,
        start_sample=start,
        end_sample=end,
        lost_ms=lost_ms,
        reason=reason,
    )


def left_open(session_id: str, state: SessionState, now_ns: int, reason: str = "replaced") -> list[e.TrackUnpublished]:
    """Return the events that close the microphones which a vanished door had left open."""
    return [
        unpublished(session_id, track_id, participant_id, 0, reason, now_ns)
        for track_id, participant_id in state.open_tracks.items()
    ]


def closing_events(session_id: str, people: Iterable[tuple[str, int]], reason: str, now_ns: int) -> list[e.Event]:
    """Return the events of a session's end: everybody leaves (see `SessionState.people`), and the session closes."""
    events: list[e.Event] = [left(session_id, person, reason, now_ns, n) for person, n in people]
    return [*events, answer(opening(session_id), e.SessionClosed, time_ns=now_ns, reason=reason)]
