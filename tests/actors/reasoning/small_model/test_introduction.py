"""An agent of one's own says who it is, on a model that is too small to."""

import pytest

from actors.reasoning.small_model.introduction import introduction
from actors.reasoning.small_model.small_talk import small_talk
from actors.reasoning.testing import Say, conversation
from infra.agents.agent import Agent
from infra.engines.llm import LOCAL


@pytest.mark.parametrize(
    ("instructions", "said"),
    [
        ("You take bookings for Luna. Today is Friday.", "I take bookings for Luna."),
        ("You are a friendly waiter, and you love your guests.", "I am a friendly waiter, and I love my guests."),
        ("Take orders.", "I am the night desk assistant."),
        ("", "I am the night desk assistant."),
        ("You " + "very " * 50 + "long.", "I am the night desk assistant."),
    ],
)
def test_it_says_what_its_instructions_tell_it_to_be(instructions: str, said: str) -> None:
    assert introduction("night-desk", instructions) == said


def test_the_built_in_agent_is_the_voice_assistant() -> None:
    assert small_talk("who are you", "Who are you?", []).startswith("I am your voice assistant")
    assert small_talk("who are you", "Who are you?", [], "I take bookings.") == "I take bookings. How can I help you?"
    assert small_talk("hello", "Hello!", [], "I take bookings.") == "Hello! How can I help you?"


@pytest.mark.parametrize("question", ["Who are you?", "What can you do?", "What is your name?"])
def test_a_caller_who_asks_hears_it(question: str) -> None:
    agent = Agent(name="booking", instructions="You take bookings for {place}.", variables={"place": "Luna"})
    with conversation(agent, model=lambda _: Say("I am lost."), settings={"llm": LOCAL}) as talk:
        reply = talk.say(question).reply
        assert reply.startswith("I take bookings for Luna.")
        assert "voice assistant" not in reply
