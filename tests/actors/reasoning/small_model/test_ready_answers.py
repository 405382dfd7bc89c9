"""Which questions a small model is not asked at all, and what a stranger hears."""

from actors.reasoning.memories import told
from actors.reasoning.small_model.ready_answers import NOT_TOLD, ready_answer
from contracts.events import ContextMessage
from tests.actors.reasoning.test_memories import DOG, SAM


def message(role: str, text: str) -> ContextMessage:
    return ContextMessage.model_validate({"role": role, "text": text})


def test_a_stranger_is_not_known() -> None:
    for question in ("What is my name?", "Do you remember me?", "Do you know who I am?"):
        assert ready_answer(question, [], "", []) == NOT_TOLD


def test_what_was_told_in_this_conversation_or_before_is_known() -> None:
    heard = [message("user", "My name is Ann."), message("assistant", "Nice to meet you, Ann.")]
    assert ready_answer("What is my name?", heard, "", heard) == "Your name is Ann."
    assert ready_answer("What is my name?", [], told([SAM]), []) == "Your name is Sam."
    assert ready_answer("What is my dog called?", [], told([DOG]), []) == "", "the model finds it in the notes, or not"


def test_what_the_agent_said_counts_not_what_the_caller_did() -> None:
    heard = [message("user", "Tell me a joke.")]
    assert ready_answer("Yes.", heard, "", heard) == "What would you like to talk about?"
    assert ready_answer("Yes.", [*heard, message("assistant", "A joke?")], "", heard) == ""


def test_a_long_question_is_the_models() -> None:
    assert ready_answer("Hello! " * 60, [], "", []) == ""
    assert ready_answer("What is the capital of France?", [], "", []) == ""
