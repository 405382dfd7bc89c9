from actors.synthesis.session_state import SessionState
from contracts import events as e
from infra.log.event_log import Fact

PROFILE = e.AgentProfile(prompt="", llm="a", stt="b", tts="c", voice="amy")
OTHER = PROFILE.model_copy(update={"voice": "bob"})


def test_each_clause_is_said_by_the_agent_that_wrote_it() -> None:
    base = {"session_id": "s", "time_ns": 1}
    state = SessionState()
    handed = e.HandedOver(
        **base, event_id="h", reply_id="r2", call_id="c", from_agent="a", to_agent="b", profile=OTHER, first_clause=1
    )
    facts = [e.SessionOpened(**base, event_id="o", door="d", user_id="u", profile=PROFILE), handed, handed]
    for sequence, event in enumerate(facts, 1):
        state.fold(Fact(sequence, event))

    def voice(reply_id: str, index: int) -> str:
        clause = e.ReplyClauseWritten(**base, event_id="w", reply_id=reply_id, index=index, text="x")
        profile = state.profile_of(clause)
        return profile.voice if profile is not None else ""

    assert [voice("r2", 0), voice("r2", 1), voice("r3", 0)] == ["amy", "bob", "bob"]
