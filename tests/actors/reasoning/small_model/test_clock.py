"""Questions for the time, for which the clock is asked in place of a small model, and how its answer is worded."""

import json

import pytest

from actors.reasoning.small_model.clock import CLOCK_CALL, clock_call, time_answer, time_question
from actors.reasoning.tools import times_in


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("What time is it?", ""),
        ("Hey, can you tell me the time please?", ""),
        ("What's the time in Tokyo right now?", "tokyo"),
        ("what time is it in New York", "new york"),
        ("What day is it today?", ""),
        ("What time is it in Tokyo and in Paris?", "tokyo and in paris"),
        ("What time is it in Tokyo, Paris, and London, please?", "tokyo, paris, and london"),
    ],
)
def test_questions_for_the_time_are_recognised(text: str, place: str) -> None:
    assert time_question(text) == {"time_zone": place}


@pytest.mark.parametrize("text", ["What time does the bank open?", "I had the time of my life.", "Hello.", "x" * 9999])
def test_other_questions_are_not(text: str) -> None:
    assert time_question(text) is None


def test_the_clock_is_asked_for_the_place_of_the_question() -> None:
    call = clock_call("What time is it in Tokyo?")
    assert call is not None
    assert (call.call_id, call.name, call.arguments) == (CLOCK_CALL, "current_time", {"time_zone": "tokyo"})
    assert clock_call("Hello.") is None


def here(place: str, **more: str) -> dict[str, str]:
    return {"time": "9:05 AM", "date": "Monday, March 2, 2026", "place": place, **more}


@pytest.mark.parametrize(
    ("question", "result", "answer"),
    [
        ("What time is it?", here(""), "It is 9:05 AM."),
        ("What time is it?", here("", zone="UTC"), "It is 9:05 AM UTC."),
        ("What time is it in Tokyo?", here("tokyo"), "It is 9:05 AM in Tokyo."),
        ("What day is it in Tokyo?", here("tokyo"), "It is Monday, March 2, 2026 in Tokyo."),
        (
            "What time is it in Tokyo and in Paris?",
            {"places": [here("tokyo"), here("paris")]},
            "It is 9:05 AM in Tokyo and 9:05 AM in Paris.",
        ),
        (
            "What time is it in Tokyo and in Atlantis?",
            {"places": [here("tokyo")], "not_known": ["atlantis"]},
            "It is 9:05 AM in Tokyo. I do not know the time in Atlantis.",
        ),
    ],
)
def test_what_the_clock_says_is_told_in_words(question: str, result: dict[str, object], answer: str) -> None:
    assert time_answer(question, json.dumps(result)) == answer


def test_the_words_fit_what_the_clock_really_returns() -> None:
    result = times_in({"time_zone": "Tokyo, Paris, Atlantis"}, "")
    tokyo, paris = json.loads(result)["places"]
    told = f"It is {tokyo['time']} in Tokyo and {paris['time']} in Paris. I do not know the time in Atlantis."
    assert time_answer("What time is it in Tokyo, Paris and Atlantis?", result) == told


def test_a_clock_that_failed_is_apologised_for() -> None:
    assert "sorry" in time_answer("What time is it?", "ToolFailed: no")
