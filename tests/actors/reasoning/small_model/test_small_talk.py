"""What everybody says first is answered, a stranger as a stranger, and nothing is told twice."""

import pytest

from actors.reasoning.small_model.small_talk import small_talk
from actors.reasoning.small_model.words import plain_words


def said(text: str, *answers: str) -> str:
    return small_talk(plain_words(text), text, answers)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Hello!", "Hello! How can I help you?"),
        ("Hey there, good morning.", "Good morning! How can I help you?"),
        ("So, who are you?", "I am your voice assistant. We can chat about anything you like."),
        ("Are you a real person?", "I am a computer program, not a person."),
        ("Do you have feelings?", "I am a computer program, so I have none."),
        ("Good afternoon, can you help me with something?", "Of course. What do you need help with?"),
        ("Thank you very much.", "You are welcome."),
        ("Bye!", "Goodbye, and take care."),
        ("You are so stupid!", "I am sorry that I was of so little help. I will try to do better."),
        ("My name is Sam.", "Nice to meet you, Sam. How can I help you?"),
        ("yes", "What would you like to talk about?"),
    ],
)
def test_a_stranger_is_answered(text: str, answer: str) -> None:
    assert said(text) == answer


@pytest.mark.parametrize(
    "text",
    [
        "Hello world programs are short.",
        "Tell me about whales.",
        "I am tired.",
        "Help me to choose a book.",
        "",
        "Why?",
    ],
)
def test_anything_else_is_left_to_the_model(text: str) -> None:
    assert said(text) == ""


def test_jokes_are_not_told_twice_and_another_is_one_more() -> None:
    told: list[str] = [said("Tell me a joke.")]
    told += [said("Another one.", *told)]
    told += [said("Do you know any jokes?", *told)]
    assert len(set(told)) == 3
    assert said("Another one.", "Paris is the capital of France.") == ""


def test_a_last_answer_is_said_again() -> None:
    assert said("What?", "It is noon.") == "I said: It is noon."
    assert said("What?").startswith("I have not said anything yet.")


def test_bare_words_mean_something_else_once_something_was_said() -> None:
    assert said("No, thanks.", "Would you like tea?") == "All right. I am here if you need anything."
    assert said("Okay.", "It is noon.") == "All right. Is there anything else?"
    assert said("Yes.", "Would you like tea?") == ""
