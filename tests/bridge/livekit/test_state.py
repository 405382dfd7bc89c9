"""What the agent is shown to be doing."""

from typing import Any

from bridge.livekit.state import AgentState
from contracts import events as e


def after(*facts: e.Event) -> str:
    state = AgentState()
    state.ready()
    state.hears(True)
    for fact in facts:
        state.take(fact)
    return state.now


def fact(kind: type[e.Event], **fields: Any) -> e.Event:
    return kind(**{"event_id": "x", "session_id": "s", "time_ns": 1} | fields)


TURN = fact(e.TurnEnded, participant_id="ada", text="hi")
STARTED = fact(e.PlaybackStarted, reply_id="r")
PAUSED = fact(e.PlaybackPaused, reply_id="r", played_samples=1)


def test_it_initializes_until_it_is_ready_and_hears_somebody() -> None:
    state = AgentState()
    shown = [state.now]
    state.hears(True)
    shown.append(state.now)
    state.ready()
    shown.append(state.now)
    state.hears(False)
    shown.append(state.now)
    assert shown == ["initializing", "initializing", "listening", "initializing"]


def test_a_microphone_that_is_not_heard_yet_takes_nothing_from_what_it_says() -> None:
    state = AgentState()
    state.ready()
    for event in (TURN, STARTED):
        state.take(event)
    assert state.now == "speaking"


def test_a_turn_makes_it_think_and_playback_speak() -> None:
    assert after(TURN) == "thinking"
    assert after(TURN, STARTED) == "speaking"
    assert after(TURN, STARTED, PAUSED) == "listening"
    assert after(TURN, STARTED, PAUSED, fact(e.PlaybackResumed, reply_id="r", played_samples=1)) == "speaking"
    end = {"reply_id": "r", "heard_text": "", "played_samples": 1}
    assert after(TURN, STARTED, fact(e.PlaybackFinished, **end)) == "listening"


def test_a_turn_for_somebody_else_leaves_it_listening() -> None:
    assert after(TURN, fact(e.TurnPassed, participant_id="ada", reason="unnamed")) == "listening"
