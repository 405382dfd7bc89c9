"""A small model is given only what was answered: the rest it would take for a part of the question."""

from actors.reasoning.prompts import Background, context_of, prompt_messages
from actors.reasoning.small_model.examples import EXAMPLES
from contracts.events import ContextMessage

LOST = ContextMessage(role="user", text="What is the capital of Peru?")
ASKED = ContextMessage(role="user", text="And of Spain?")
ANSWERED = ContextMessage(role="assistant", text="Madrid.")


def test_turns_that_were_never_answered_are_left_out() -> None:
    background = Background([LOST, ASKED, ANSWERED, LOST])
    given = [message.text for message in prompt_messages("local", "Be kind.", background, "Thank whom?")]
    assert given[1 + len(EXAMPLES) :] == ["And of Spain?", "Madrid.", "Thank whom?"]
    recorded = [message.text for message in context_of("local", "Be kind.", background, "Thank whom?")]
    assert recorded == ["Be kind.", "And of Spain?", "Madrid.", "Thank whom?"]


def test_other_models_are_given_them_with_the_question() -> None:
    given = prompt_messages("m", "", Background([ASKED, ANSWERED, LOST]), "And of Chile?")
    assert [message.text for message in given][-1] == "What is the capital of Peru?\nAnd of Chile?"


def test_a_greeting_of_the_agent_stays() -> None:
    given = prompt_messages("local", "", Background([ANSWERED, LOST]), "Why?")
    assert [message.text for message in given][-2:] == ["Madrid.", "Why?"]
