"""What the agent says because time has passed."""

from typing import Any

from bridge.call.timed_remarks import TimedRemarks
from contracts import events as e

SECOND = 1_000_000_000
PROFILE = {"prompt": "", "llm": "local", "stt": "local", "tts": "local"}
SILENCE = {"silence_after_s": 5, "silence_text": "Are you still there?"}
LIMIT = {"time_limit_s": 60, "time_limit_text": "Our time is over."}


def after(profile: dict[str, Any], *facts: tuple[float, type[e.Event], dict[str, Any]]) -> TimedRemarks:
    remarks = TimedRemarks("s")
    opening = {"door": "test", "user_id": "u", "profile": PROFILE | profile}
    opened: tuple[float, type[e.Event], dict[str, Any]] = (0, e.SessionOpened, opening)
    for n, (at_s, event_class, fields) in enumerate((opened, *facts)):
        fields = {"event_id": f"e{n}", "session_id": "s", "time_ns": round(at_s * SECOND)} | fields
        remarks.apply(event_class(**fields))
    return remarks


def due(remarks: TimedRemarks, at_s: float, is_quiet: bool = True) -> list[str]:
    return [
        event.text if isinstance(event, e.RemarkRequested) else type(event).__name__
        for event in remarks.due(round(at_s * SECOND), is_quiet)
    ]


BEGINS = {"track_id": "t", "participant_id": "p", "utterance_id": "u", "turn_id": "t1", "start_sample": 0}
ENDS = BEGINS | {"end_sample": 9, "speech_ended_ns": 1}
TURN = {"turn_id": "t1", "participant_id": "p", "text": "Hello."}
HEARD = {"reply_id": "r", "heard_text": "Hi.", "played_samples": 9}


def test_nothing_is_said_unless_the_profile_wants_it() -> None:
    assert due(after({}), 1_000) == []


def test_a_silence_is_asked_into_once_until_somebody_speaks() -> None:
    remarks = after(SILENCE)
    assert due(remarks, 4.9) == []
    assert due(remarks, 5.1) == ["Are you still there?"]
    assert due(remarks, 20) == []
    remarks.apply(e.TurnEnded(event_id="turn", session_id="s", time_ns=21 * SECOND, **TURN))
    assert due(remarks, 25) == []
    assert due(remarks, 26.1) == ["Are you still there?"]


def test_silence_begins_when_the_answer_was_heard() -> None:
    remarks = after(SILENCE, (2, e.TurnEnded, TURN), (9, e.PlaybackFinished, HEARD))
    assert due(remarks, 13) == []
    assert due(remarks, 14.1, is_quiet=False) == [], "something is left to be said"
    assert due(remarks, 14.1) == ["Are you still there?"]


def test_who_speaks_is_not_asked() -> None:
    speaking = after(SILENCE, (1, e.SpeechStarted, BEGINS))
    assert due(speaking, 30) == []
    speaking.apply(e.SpeechEnded(event_id="end", session_id="s", time_ns=31 * SECOND, **ENDS))
    assert due(speaking, 36.1) == ["Are you still there?"]


def test_the_next_door_does_not_ask_again() -> None:
    remark = {"text": "Are you still there?", "requested_by": "silence", "cause_id": "e0"}
    assert due(after(SILENCE, (6, e.RemarkRequested, remark)), 30) == []


def test_a_call_ends_at_its_time_limit_with_a_farewell() -> None:
    remarks = after(SILENCE | LIMIT, (58, e.TurnEnded, TURN))
    assert due(remarks, 59.9) == []
    assert due(remarks, 60.1) == ["Our time is over.", "EndRequested"]
    assert due(remarks, 90) == []


def test_a_limit_without_a_text_ends_it_silently() -> None:
    assert due(after({"time_limit_s": 60}), 61) == ["EndRequested"]


def test_two_doors_ask_under_the_same_id() -> None:
    first, second = (list(after(SILENCE | LIMIT).due(round(61 * SECOND), True)) for _ in range(2))
    assert [event.event_id for event in first] == [event.event_id for event in second]
