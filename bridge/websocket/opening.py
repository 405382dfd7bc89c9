"""The events with which a client of the WebSocket door opens or resumes a session. Pure."""

from bridge.call.session_events import AGENT, PERSON, WEBSOCKET, joined, left_open, opened_id, published, session_opened
from bridge.call.session_state import SessionState
from bridge.websocket.protocol import Hello
from contracts import events as e
from contracts.ids import derive_id
from contracts.profile import AgentProfile
from infra.settings import Settings


def client_opening(
    session_id: str,
    state: SessionState,
    hello: Hello,
    settings: Settings,
    now_ns: int,
    resume_digest: str = "",
    profile: AgentProfile | None = None,
) -> list[e.Event]:
    """Return what to append, in order, when a client of the WebSocket door opens or resumes a session.

    `profile` is that of a new session.
    """
    events: list[e.Event] = []
    if not state.opened:
        opened = session_opened(session_id, WEBSOCKET, hello.user_id, settings, now_ns, resume_digest, profile)
        events.append(opened)
    for participant_id, kind, name in ((PERSON, "person", hello.name), (AGENT, "agent", "")):
        if participant_id not in state.participants:
            zone = hello.time_zone if participant_id == PERSON else ""
            events.append(joined(session_id, participant_id, kind, name, now_ns, time_zone=zone))
    events += left_open(session_id, state, now_ns)
    if hello.mic:
        n = len(state.tracks)
        track_id = derive_id(opened_id(session_id), "track", n)
        events.append(published(session_id, track_id, PERSON, now_ns, n))
    return events
