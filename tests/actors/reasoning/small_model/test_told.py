"""What people told about themselves is found again in their own words."""

import pytest

from actors.reasoning.small_model.told import name_told, told_before


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("My name is Sam.", "Sam"),
        ("Hi, my name's anna and I like tea", "Anna"),
        ("I'm Maria, by the way.", "Maria"),
        ("Hello, this is Tom Baker.", "Tom Baker"),
        ("Call me Ishmael.", "Ishmael"),
        ("I'm tired.", ""),
        ("Call me back later.", ""),
        ("I am Berlin's best baker in town.", ""),
    ],
)
def test_a_name_is_known_when_somebody_introduces_themselves(said: str, name: str) -> None:
    assert name_told(said) == name


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("What's my name?", "Your name is Sam."),
        ("Who am I?", "Your name is Sam."),
        ("What is my name again?", "Your name is Sam."),
        ("What's my favorite colour?", "Your favorite colour is blue."),
        ("What's my favourite colour?", "Your favourite colour is blue."),
        ("What is my dog?", ""),
        ("What is my mother called?", ""),
        ("What is my (name", "Your name is Sam."),
    ],
)
def test_the_latest_that_was_told_counts(question: str, answer: str) -> None:
    told = ["My name is Tom.", "My favorite colour is green.", "My name is Sam. My favourite colour is blue, I think."]
    assert told_before(question, told) == answer


def test_nothing_is_known_of_a_stranger() -> None:
    assert told_before("What is my name?", []) == ""
