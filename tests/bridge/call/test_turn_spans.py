"""The spans of a door: one root a turn, from the facts, whichever door has seen how much of it."""

from collections.abc import Iterable
from typing import Any

from bridge.call.turn_spans import TurnCourse, TurnCourses
from contracts import events as e

SESSION = "s-1"


def fact(event_class: type[e.Event], at: int, turn_id: str | None = "t1", **fields: object) -> e.Event:
    common = {"event_id": f"{event_class.__name__}{at}", "session_id": SESSION, "time_ns": at, "turn_id": turn_id}
    return event_class.model_validate(common | fields)


def speech(at: int, turn_id: str = "t1", by: str = "caller") -> e.Event:
    about: dict[str, Any] = {"utterance_id": "u", "track_id": "mic", "participant_id": by, "start_sample": 0}
    return fact(e.SpeechStarted, at, turn_id, **about)


def turn_ended(at: int, turn_id: str = "t1") -> e.Event:
    return fact(e.TurnEnded, at, turn_id, participant_id="caller", text="hi")


def finished(at: int, turn_id: str = "t1", reply_id: str = "r1") -> e.Event:
    return fact(e.PlaybackFinished, at, turn_id, reply_id=reply_id, heard_text="hi", played_samples=1)


def ended(courses: TurnCourses, facts: Iterable[e.Event]) -> list[TurnCourse]:
    return [turn for event in facts for turn in courses.apply(event)]


def test_a_turn_goes_from_its_first_word_to_the_last_that_was_heard() -> None:
    facts = [
        speech(10),
        turn_ended(20),
        fact(e.ReplyStarted, 21, reply_id="r1", text="hi"),
        fact(e.ClauseSynthesized, 25, reply_id="r1", index=0, text="hi", samples=1, sample_rate_hz=24000),
        fact(e.PlaybackStarted, 30, reply_id="r1", gap_ms=1200, heard_ns=28),
        finished(50),
        finished(50),
    ]
    (turn,) = ended(TurnCourses(slow_ms=1000), facts)
    assert (turn.begun_ns, turn.heard_ns, turn.last_ns) == (10, 28, 50)
    assert (turn.source, turn.outcome, turn.first_clause) == ("speech", "answered", 0)
    assert turn.verdicts == {"slow"}


def test_a_turn_begins_with_its_first_sound_however_late_that_was_heard() -> None:
    second_ns = 1_000_000_000
    about: dict[str, Any] = {"utterance_id": "u", "track_id": "mic", "participant_id": "caller"}
    sound: dict[str, Any] = {"start_sample": 0, "end_sample": 16_000, "speech_ended_ns": 6 * second_ns}
    facts = [
        speech(7 * second_ns),
        fact(e.SpeechEnded, 8 * second_ns, **about, **sound),
        turn_ended(9 * second_ns),
        finished(10 * second_ns),
    ]
    (turn,) = ended(TurnCourses(slow_ms=1000), facts)
    assert turn.begun_ns == 5 * second_ns


def test_an_interrupted_turn_ends_and_the_next_one_names_it() -> None:
    interrupted: dict[str, Any] = {"reply_id": "r1", "heard_text": "", "played_samples": 0}
    facts = [
        turn_ended(20),
        fact(e.ReplyStarted, 21, reply_id="r1", text="hi"),
        speech(30, "t2"),
        fact(e.TurnInterrupted, 31, "t2", participant_id="caller", reply_id="r1"),
        fact(e.PlaybackInterrupted, 32, **interrupted),
        turn_ended(40, "t2"),
        fact(e.TurnPassed, 41, "t2", participant_id="caller", reason="unnamed"),
    ]
    first, second = ended(TurnCourses(slow_ms=1000), facts)
    assert (first.turn_id, first.outcome, first.verdicts) == ("t1", "interrupted", {"interrupted"})
    assert (second.turn_id, second.outcome, second.interrupts) == ("t2", "passed", "t1")


def test_what_proved_to_be_no_turn_ends_when_the_next_one_begins_or_the_session_closes() -> None:
    courses = TurnCourses(slow_ms=1000)
    assert ended(courses, [speech(10)]) == []
    (cough,) = ended(courses, [speech(90, "t2")])
    assert (cough.turn_id, cough.last_ns, cough.outcome) == ("t1", 10, "unanswered")
    (last,) = ended(courses, [fact(e.SessionClosed, 99, None, reason="hangup")])
    assert last.turn_id == "t2"


def test_a_reply_that_is_being_heard_is_not_over_when_somebody_speaks() -> None:
    begun = [turn_ended(20), fact(e.PlaybackStarted, 30, reply_id="r1"), speech(35, "t2")]
    courses = TurnCourses(slow_ms=1000)
    assert ended(courses, begun) == []
    (turn,) = ended(courses, [finished(50)])
    assert turn.turn_id == "t1"


def test_others_who_speak_meanwhile_end_nobodys_turn() -> None:
    courses = TurnCourses(slow_ms=1000)
    assert ended(courses, [speech(10), speech(11, "t2", by="ada"), turn_ended(20), speech(30, "t3")]) == []
    over = ended(courses, [finished(50), finished(51, "t2"), finished(52, "t3")])
    assert [turn.turn_id for turn in over] == ["t1", "t2", "t3"]
