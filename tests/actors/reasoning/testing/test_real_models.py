"""The same conversation with a model by name, and another that judges it."""

import pytest

from actors.reasoning.testing import conversation
from infra.agents.agent import Agent

MODELS = "tests.actors.reasoning.testing.real_models"
GREETER = Agent(name="greeter", instructions="Greet.", llm=f"{MODELS}:Polite")


def test_a_real_model_answers_and_another_judges() -> None:
    with conversation(GREETER, model="settings", judge=f"{MODELS}:Strict") as talk:
        turn = talk.say("Hello?")
        assert (turn.reply, turn.heard) == ("Good evening.", "Good evening.")
        assert talk.judged("Good evening")
        refused = talk.judged("the agent books a table")
        assert (bool(refused), refused.reason) == (False, "I have read it.")


def test_a_judge_that_gives_no_verdict_has_not_agreed() -> None:
    with conversation(GREETER, model=f"{MODELS}:Polite", judge=f"{MODELS}:Silent") as talk:
        talk.say("Hello?")
        assert "no verdict: I would rather not." in talk.judged("anything").reason


def test_without_a_judge_nobody_judges() -> None:
    with conversation(GREETER) as talk, pytest.raises(ValueError, match="nobody judges here"):
        talk.judged("anything")
