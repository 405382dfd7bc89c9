"""What cannot be known or done is said; whatever only sounds alike is left to the model."""

import pytest

from actors.reasoning.small_model.cannot import cannot
from actors.reasoning.small_model.words import plain_words


@pytest.mark.parametrize(
    ("question", "about"),
    [
        ("What's the weather?", "the weather"),
        ("Will it rain tomorrow?", "the weather"),
        ("Can you tell me the latest news?", "the news"),
        ("Who won the game last night?", "results"),
        ("How much does a new car cost?", "prices"),
        ("When does the bank open?", "look that up"),
        ("Where is the nearest pharmacy?", "look that up"),
        ("Book a table for two, please.", "book"),
        ("I'd like to order a pizza.", "order"),
        ("Could you call my mother?", "make calls"),
        ("Send an email to Tom.", "send"),
        ("Set a timer for five minutes.", "timers"),
        ("Turn off the lights.", "on or off"),
        ("Add milk to my shopping list.", "lists"),
    ],
)
def test_what_is_impossible_is_said(question: str, about: str) -> None:
    answer = cannot(plain_words(question))
    assert answer.startswith("I am sorry, I ")
    assert about in answer


@pytest.mark.parametrize(
    "statement",
    [
        "I love rainy weather.",
        "Why is the sky blue?",
        "Who won the war of independence?",
        "I read a book about tables.",
        "Call me Sam.",
        "I would rather play chess than football.",
        "My order of things is strange.",
        "",
    ],
)
def test_what_only_sounds_like_it_is_left_to_the_model(statement: str) -> None:
    assert cannot(plain_words(statement)) == ""
