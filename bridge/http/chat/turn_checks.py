"""Whether a turn may be taken: its text, whose session it is for, and whether that can go on here."""

from bridge.http.chat.session_events import HTTP
from bridge.http.chat.session_state import SessionState
from bridge.http.models import ChatRequest
from bridge.http.problems import Problem
from bridge.text_input import ProtocolError, checked_text
from bridge.web.gate import Visitor


def checked(text: str, max_bytes: int) -> str:
    """Return the text of a turn, cleaned. Raises Problem if it is too long, or nothing can be answered."""
    try:
        cleaned = checked_text(text, max_bytes)
    except ProtocolError as error:
        raise Problem("text-too-long" if error.code == "text-too-long" else "text-empty", str(error)) from error
    if not any(character.isalnum() for character in cleaned):
        raise Problem(
            "text-empty", "this text has no words, and would get no answer: send at least one letter or digit"
        )
    return cleaned


def check_visitor(state: SessionState, turn: ChatRequest, visitor: Visitor) -> None:
    """Raise Problem unless the conversation exists and is the visitor's."""
    is_theirs = not turn.user_id or visitor.user(turn.user_id) == state.user_id
    if visitor.user_id:
        is_theirs = visitor.user_id == state.user_id
    if not state.door or state.erased or not is_theirs:
        raise Problem("session-unknown", f"you have no session {state.session_id}; leave its id out for a new one")
    # A session from before there were secrets can be resumed from this machine.
    is_old = visitor.is_local and not state.resume_digest and not visitor.user_id
    if not is_old and not visitor.may_enter(state.user_id, state.resume_digest, turn.resume_token):
        message = "send the `resume_token` from the first answer of this session, or leave its id out for a new one"
        raise Problem("resume-refused", message)


def check_open(state: SessionState) -> None:
    """Raise Problem unless the conversation can be resumed here."""
    session_id = state.session_id
    if state.closed:
        raise Problem("session-closed", f"session {session_id} has ended; leave its id out for a new one")
    if state.door != HTTP:
        raise Problem(
            "other-door",
            f"session {session_id} is a call at the {state.door} door; leave its id out for a text session",
        )
