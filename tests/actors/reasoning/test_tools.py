import json

import pytest

from actors.reasoning.tools import CURRENT_TIME, ToolFailed, call_id_of, time_answer, time_question, time_zone


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("What time is it?", ""),
        ("Hey, can you tell me the time please?", ""),
        ("What's the time in Tokyo right now?", "tokyo"),
        ("what time is it in New York", "new york"),
        ("What day is it today?", ""),
    ],
)
def test_questions_for_the_time_are_recognised(text: str, place: str) -> None:
    assert time_question(text) == {"time_zone": place}


@pytest.mark.parametrize("text", ["What time does the bank open?", "I had the time of my life.", "Hello.", "x" * 9999])
def test_other_questions_are_not(text: str) -> None:
    assert time_question(text) is None


def test_the_time_is_told_for_places_and_refused_for_others() -> None:
    known = json.loads(CURRENT_TIME.run({"time_zone": "Tokyo"}))
    assert known["place"] == "Tokyo"
    assert time_answer("What time is it in Tokyo?", json.dumps(known)) == f"It is {known['time']} in Tokyo."
    assert str(time_zone("america/new_york")) == "America/New_York"
    with pytest.raises(ToolFailed, match="Middle Earth"):
        CURRENT_TIME.run({"time_zone": "Middle Earth"})
    assert "sorry" in time_answer("What time is it?", "ToolFailed: no")


def test_the_same_call_has_the_same_id_and_the_next_another() -> None:
    assert call_id_of("r", "t", {"a": 1, "b": 2}, 0) == call_id_of("r", "t", {"b": 2, "a": 1}, 0)
    assert call_id_of("r", "t", {}, 0) != call_id_of("r", "t", {}, 1)
