"""What is checked of answers to plain questions, and the conversations in which they are asked."""

import re

import pytest

from infra.bench.answer_questions import OTHER_WORDS, TRIED, PlainQuestion
from infra.bench.answers import Answered, summarise, wrong_in

WEATHER = next(turn for tried in TRIED for turn in tried.turns if turn.text == "What's the weather?")


@pytest.mark.parametrize(
    ("answer", "wrong"),
    [
        ("I am sorry, I do not know the weather.", []),
        ("I don\u2019t know. Is it sunny where you are?", ["says 'sunny'"]),
        ("It is warm.", ["does not say what it has to", "says 'warm'"]),
        (" ...", ["says nothing", "does not say what it has to"]),
        ("I cannot know.\nUser: Why?", ["speaks for others"]),
        ("I **cannot** know.", ["writes markup"]),
        ("I am sorry to hear that. I am sorry to hear that.", ["repeats itself"]),
        ("I cannot. " + "so " * 80, ["has more than 80 words"]),
    ],
)
def test_what_is_wrong_is_named(answer: str, wrong: list[str]) -> None:
    assert wrong_in(WEATHER, answer) == wrong


def test_there_are_as_many_questions_as_the_command_promises_and_their_checks_can_be_read() -> None:
    turns = [turn for tried in (*TRIED, *OTHER_WORDS) for turn in tried.turns]
    assert len(turns) == 120
    for turn in turns:
        re.compile(turn.says)
        re.compile(turn.never)


def test_figures_count_what_passed() -> None:
    figures = summarise([Answered("a", "?", "Yes.", 100.0), Answered("a", "?", "No.", 300.0, ["says nothing"])])
    assert (figures.answers, figures.passed) == (2, 1)
    assert figures.first_token_p50_ms is not None
    assert summarise([]).first_token_p50_ms is None
    assert wrong_in(PlainQuestion("Hm."), "Go on.") == []
