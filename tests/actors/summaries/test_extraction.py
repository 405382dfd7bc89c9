"""Summaries made of what was said, and how a model's are cleaned and checked."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.summaries.conversation import SpokenLine
from actors.summaries.extraction import SAID, cleaned, extract, is_grounded


@settings(max_examples=50)
@given(st.lists(st.text(max_size=300), max_size=5), st.text(max_size=300))
def test_an_extract_is_never_longer_than_asked(texts: list[str], notes: str) -> None:
    assert len(extract([SpokenLine("user", text) for text in texts], 400, notes)) <= 400


def test_all_is_there_if_it_fits_each_sentence_once() -> None:
    lines = [
        SpokenLine("user", "My printer is broken. " + "It makes a noise. " * 30),
        SpokenLine("agent", "I am sorry."),
    ]
    assert extract(lines) == "My printer is broken. It makes a noise."


def test_of_many_sentences_those_about_the_person_stay() -> None:
    small_talk = [SpokenLine("user", f"And what do you think about number {word}?") for word in "abcdefghijklmnopqrst"]
    lines = [*small_talk[:10], SpokenLine("user", "My name is Sam and I live in Lisbon."), *small_talk[10:]]
    assert "My name is Sam and I live in Lisbon." in extract(lines, 200)


def test_what_was_kept_before_is_kept_on() -> None:
    notes = SAID + "My name is Sam. I like owls."
    later = [SpokenLine("user", f"What is the colour of thing number {word}?") for word in "abcdefghij"]
    kept = extract(later, 150, notes)
    assert kept.startswith("My name is Sam. I like owls.")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("Summary: The user asked about owls.", "The user asked about owls."),
        ('Here is a short summary: "Sam likes owls."', "Sam likes owls."),
        ("Sam likes owls. Sam likes owls. Sam likes owls.", "Sam likes owls."),
        ("Sam likes owls. He also lik", "Sam likes owls."),
        ("A  broken\nprinter", "A broken printer"),
        ("", ""),
    ],
)
def test_what_small_models_put_around_a_summary_is_taken_off(answer: str, expected: str) -> None:
    assert cleaned(answer, 100) == expected


def test_a_summary_is_cut_at_a_sentence() -> None:
    assert cleaned("Owls are birds. " + "They hunt at night and sleep by day. " * 9, 60) == (
        "Owls are birds. They hunt at night and sleep by day."
    )
    assert len(cleaned("owls " * 100, 60)) <= 60


SOURCE = (
    "User: Hello, my name is Sam and I live in Lisbon. My printer shows error 42. Could you send a technician on "
    "Friday?\nAgent: I am sorry.\nUser: Remind me to buy ink."
)


@pytest.mark.parametrize(
    ("summary", "grounded"),
    [
        ("Sam from Lisbon has a printer that shows error 42.", True),
        ("The user asked about printers.", True),
        ("Sam's phone call was addressed to a customer in Lisbon, Portugal.", False),
        ("The user is a friendly and helpful assistant named SmolLM.", False),
        ("The printer shows error 57.", False),
        ("The user asked how to replace error 42, and would send a technician on Friday to buy ink.", False),
        ("Sam lives in Lisbon. His printer shows error 42, and he wants a technician on Friday.", True),
        ("They talked.", False),
    ],
)
def test_a_summary_of_something_else_is_noticed(summary: str, grounded: bool) -> None:
    assert is_grounded(summary, SOURCE) == grounded
