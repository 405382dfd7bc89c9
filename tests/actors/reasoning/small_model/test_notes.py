"""What a small model is told of the caller, and for which questions."""

import pytest

from actors.reasoning.memories import told
from actors.reasoning.small_model.notes import asks_about_caller, notes
from contracts.events import ContextMessage
from tests.actors.reasoning.test_memories import DOG, SAM


def test_notes_are_what_people_told_about_themselves_before_and_in_this_call() -> None:
    heard = [
        ContextMessage(role="user", text="Hello there."),
        ContextMessage(role="assistant", text="I am your assistant."),
        ContextMessage(role="user", text="What do I like?"),
        ContextMessage(role="user", text="I moved to Rome."),
    ]
    assert notes(told([SAM, DOG]), heard) == "My name is Sam and I like owls. I have a dog. I moved to Rome."
    assert notes("", []) == ""


@pytest.mark.parametrize(
    "question",
    [
        "What is my name?",
        "what's my name",
        "Who am I?",
        "Do you remember my name?",
        "Do you know who I am?",
        "Where do I live?",
        "What animals do I like?",
        "What is my dog called?",
        "Can you tell me what I said about owls? Do you remember me?",
    ],
)
def test_questions_about_the_caller_are_known(question: str) -> None:
    assert asks_about_caller(question)


@pytest.mark.parametrize(
    "question",
    [
        "Hello, how are you today?",
        "How do I boil an egg?",
        "What should I say when I meet my teacher?",
        "Where can I find the nearest train station?",
        "Can you tell me a little about yourself?",
        "Could you help me with my homework?",
        "Please remind me to call my mother.",
        "My name is Sam and I like owls.",
        "Tell me something about the moon.",
        "What is the weather like today?",
        "What time is it?",
        "",
    ],
)
def test_other_questions_are_not(question: str) -> None:
    assert not asks_about_caller(question)
