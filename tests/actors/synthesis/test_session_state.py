"""What synthesis knows of a session."""

import pytest

from actors.synthesis.session_state import SessionState
from contracts.events import (
    AgentProfile,
    ClauseSynthesized,
    Event,
    ReplyClauseWritten,
    ReplyDiscarded,
    SessionClosed,
    SessionOpened,
    TurnInterrupted,
)
from infra.log.event_log import Fact

COMMON = {"event_id": "e", "session_id": "s", "time_ns": 1}
PROFILE = AgentProfile(prompt="", llm="local", stt="local", tts="local")
CLAUSE = ReplyClauseWritten(**COMMON, reply_id="r", index=1, text="Hello.")


@pytest.mark.parametrize(
    ("event", "to_do", "hearable"),
    [
        (CLAUSE, True, True),
        (ClauseSynthesized(**COMMON, reply_id="r", index=1, text="", samples=1, sample_rate_hz=1), False, True),
        (ClauseSynthesized(**COMMON, reply_id="r", index=0, text="", samples=1, sample_rate_hz=1), True, True),
        (ReplyDiscarded(**COMMON, reply_id="r"), False, False),
        (TurnInterrupted(**COMMON, reply_id="r", participant_id="p"), False, False),
        (ReplyDiscarded(**COMMON, reply_id="other"), True, True),
        (SessionClosed(**COMMON, reason="hangup"), False, False),
    ],
)
def test_a_clause_is_made_once_and_only_while_somebody_may_hear_it(event: Event, to_do: bool, hearable: bool) -> None:
    session = SessionState()
    session.fold(Fact(7, event))
    assert (session.sequence, session.to_do(CLAUSE), session.hearable(CLAUSE)) == (7, to_do, hearable)


@pytest.mark.parametrize("speaks", [True, False])
def test_no_sound_is_made_in_a_conversation_by_text(speaks: bool) -> None:
    session = SessionState()
    profile = PROFILE.model_copy(update={"speaks": speaks})
    session.fold(Fact(1, SessionOpened(**COMMON, door="http", user_id="sam", profile=profile)))
    assert session.to_do(CLAUSE) == session.hearable(CLAUSE) == speaks
