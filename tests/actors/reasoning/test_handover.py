"""A tool hands the conversation over to another agent, and back."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from faststream.nats import NatsBroker

from actors.reasoning.actor import listen, reasoning_on
from actors.reasoning.answering import Reasoning
from actors.reasoning.default_agent import BUILT_IN
from actors.reasoning.handover import warnings_about
from contracts import events as e
from infra.agents.agent import Agent
from infra.agents.call import Call
from infra.agents.handoff import Handoff
from infra.agents.loading import Agents
from infra.agents.tool import reader
from infra.settings import Settings
from infra.tape.untaped import Untaped
from tests.actors.reasoning.facts import ended, opened, revised
from tests.actors.reasoning.models import ScriptedModel, tool_call
from tests.actors.reasoning.test_actor import clauses, finish, last, log_of, names, tell

FRONT, BILLING = "fake:front", "fake:billing"


@reader
def to_billing() -> Handoff:
    """Hand over to billing."""
    return Handoff("billing", say="One moment.", variables={"customer": "Sam"})


@reader
def summed_up() -> Handoff:
    """Hand over to billing, summed up."""
    return Handoff("billing", summary=True, variables={"customer": "Sam"})


@reader
def to_nobody() -> Handoff:
    """Hand over to somebody who is not there."""
    return Handoff("nobody")


@reader
def to_billing_of_nobody() -> Handoff:
    """Hand over without what the instructions need."""
    return Handoff("billing")


@reader
def back(call: Call) -> Handoff:
    """Hand back."""
    return Handoff("front", say=f"Back from {call.agent}.")


AGENTS = Agents(
    {
        "front": Agent(
            name="front",
            instructions="You are the desk.",
            tools=[to_billing, summed_up, to_nobody, to_billing_of_nobody],
            llm=FRONT,
        ),
        "billing": Agent(
            name="billing", instructions="You bill {customer}.", tools=[back], llm=BILLING, tts="x.TTS", voice="bob"
        ),
    },
    built_in=BUILT_IN,
)
OPENED = opened(agent="front", prompt="You are the desk.", llm=FRONT)


@asynccontextmanager
async def answering(broker: NatsBroker, **models: ScriptedModel) -> AsyncIterator[Reasoning]:
    named = {f"fake:{name}": model for name, model in models.items()}
    actor = reasoning_on(broker, Untaped(), Settings(llm=FRONT), lambda name, _: named[name], agents=AGENTS)
    await actor.open()
    async with listen(broker, actor):
        yield actor
    await actor.close()


def prompt_of(model: ScriptedModel, asked: int = 0) -> str:
    return str(model.asked[asked][0].content)


def texts_of(model: ScriptedModel, asked: int = 0) -> Sequence[Any]:
    return [message.content for message in model.asked[asked]]


async def test_the_other_agent_answers_in_the_same_reply_with_its_own_model_and_voice(broker: NatsBroker) -> None:
    front, billing = ScriptedModel.playing([tool_call("to_billing")]), ScriptedModel.playing(["You owe ten."])
    async with answering(broker, front=front, billing=billing) as actor:
        await finish(await tell(broker, actor, OPENED, ended("What do I owe?")))
    assert await clauses(broker) == ["One moment.", "You owe ten."]
    handed = await last(broker, e.HandedOver)
    assert (handed.from_agent, handed.to_agent, handed.first_clause, handed.say) == (
        "front",
        "billing",
        1,
        "One moment.",
    )
    assert (handed.profile.agent, handed.profile.variables) == ("billing", {"customer": "Sam"})
    assert (handed.profile.llm, handed.profile.tts, handed.profile.voice) == (BILLING, "x.TTS", "bob")
    assert prompt_of(billing).startswith("You bill Sam.")
    assert 'by the agent front just now and said to the caller: "One moment."' in prompt_of(billing)
    returned = await last(broker, e.ToolReturned)
    assert (returned.outcome, returned.result) == ("ok", "the conversation is handed over to billing")
    assert (await names(broker)).count("ReplyCompleted") == 1
    assert (await last(broker, e.ReplyCompleted)).finish == "completed"


async def test_it_has_the_next_turn_too_and_hands_back(broker: NatsBroker) -> None:
    front = ScriptedModel.playing([tool_call("to_billing")], ["Here I am again."])
    billing = ScriptedModel.playing(["You owe ten."], [tool_call("back")])
    async with answering(broker, front=front, billing=billing) as actor:
        await finish(await tell(broker, actor, OPENED, ended("What do I owe?")))
        await finish(await tell(broker, actor, ended("Thanks, that is all.", "t2")))
    assert (await clauses(broker))[-2:] == ["Back from billing.", "Here I am again."]
    assert prompt_of(billing, 1) == "You bill Sam."
    assert prompt_of(front, 1).startswith("You are the desk.")
    handed = await last(broker, e.HandedOver)
    assert (handed.from_agent, handed.profile.agent, handed.profile.llm) == ("billing", "front", FRONT)
    assert handed.profile.tts == Settings().tts


async def test_a_model_of_its_own_is_made_with_its_own_keys_and_not_those_of_the_settings(broker: NatsBroker) -> None:
    made: list[Any] = []

    def make(name: str, settings: Settings) -> ScriptedModel:
        made.append(settings.llm_options)
        return ScriptedModel.playing(["Hello."])

    own = Agent(name="own", llm="fake:own", llm_options={"seed": 2, "api_key": "mine"})
    settings = Settings(llm="fake:x", llm_options={"base_url": "http://elsewhere", "api_key": "theirs"})
    actor = reasoning_on(broker, Untaped(), settings, make, agents=Agents({"own": own}))
    start = opened(agent="own", llm="fake:own", llm_options='{"seed": 2}')
    await finish(await tell(broker, actor, start, ended("Hello.")))
    await actor.close()
    assert made == [{"seed": 2, "api_key": "mine"}]


async def test_an_agent_that_this_build_does_not_have_is_answered_for_without_tools(broker: NatsBroker) -> None:
    model = ScriptedModel.playing(["I am here."])
    async with answering(broker, front=model) as actor:
        await finish(
            await tell(broker, actor, opened(agent="gone", prompt="You are gone.", llm=FRONT), ended("Hello."))
        )
    assert (prompt_of(model), await clauses(broker)) == ("You are gone.", ["I am here."])


async def test_a_copy_that_takes_over_goes_on_as_the_other_agent(broker: NatsBroker) -> None:
    front, billing = ScriptedModel.playing([tool_call("to_billing")]), ScriptedModel.playing(["One."], ["Two."])
    async with answering(broker, front=front, billing=billing) as actor:
        await finish(await tell(broker, actor, OPENED, ended("What do I owe?")))
    async with answering(broker, billing=billing) as actor:
        await finish(await tell(broker, actor, ended("And now?", "t2")))
    assert (await clauses(broker))[-1] == "Two."


@pytest.mark.parametrize(
    ("tool", "told"),
    [
        ("to_nobody", "there is no agent 'nobody'; there are: front, billing"),
        ("to_billing_of_nobody", "the instructions of agent 'billing' need a value for customer"),
    ],
)
async def test_what_cannot_be_handed_over_is_told_to_the_model_and_the_agent_stays(
    broker: NatsBroker, tool: str, told: str
) -> None:
    front = ScriptedModel.playing([tool_call(tool)], ["I am still here."])
    async with answering(broker, front=front) as actor:
        await finish(await tell(broker, actor, OPENED, ended("Billing, please.")))
    returned = await last(broker, e.ToolReturned)
    assert (returned.outcome, returned.error) == ("failed", told)
    assert await clauses(broker) == ["I am still here."]
    assert "HandedOver" not in await names(broker)


async def test_a_draft_hands_nothing_over_until_it_is_committed(broker: NatsBroker) -> None:
    front, billing = ScriptedModel.playing([tool_call("to_billing")]), ScriptedModel.playing(["You owe ten."])
    async with answering(broker, front=front, billing=billing) as actor:
        drafting = await tell(broker, actor, OPENED, revised("What do I owe?"))
        assert "HandedOver" not in await names(broker)
        await tell(broker, actor, ended("What do I owe?"))
        await finish(drafting)
    facts = await names(broker)
    assert facts.index("ReplyCommitted") < facts.index("HandedOver")


async def test_summed_up_the_other_agent_reads_the_summary_in_place_of_what_was_said(broker: NatsBroker) -> None:
    front = ScriptedModel.playing(["Hello, Sam."], [tool_call("summed_up")], ["Sam asks for a bill."])
    billing = ScriptedModel.playing(["You owe ten."], ["Bye."])
    async with answering(broker, front=front, billing=billing) as actor:
        await finish(await tell(broker, actor, OPENED, ended("I am Sam.")))
        await finish(await tell(broker, actor, ended("What do I owe?", "t2")))
        await finish(await tell(broker, actor, ended("Thanks.", "t3")))
    assert (await last(broker, e.HandedOver)).summary == "Sam asks for a bill."
    for asked in (0, 1):
        told = " ".join(map(str, texts_of(billing, asked)))
        assert "Sam asks for a bill." in told
        assert "I am Sam." not in told
    assert any("What do I owe?" in str(text) for text in texts_of(billing, 1))


async def test_agents_that_hand_over_without_end_are_stopped(broker: NatsBroker) -> None:
    front = ScriptedModel.playing(*[[tool_call("to_billing")]] * 2, ["Here."])
    billing = ScriptedModel.playing(*[[tool_call("back")]] * 2, ["I answer myself."])
    async with answering(broker, front=front, billing=billing) as actor:
        await finish(await tell(broker, actor, OPENED, ended("Round and round.")))
    events = await log_of(broker)
    assert sum(isinstance(event, e.HandedOver) for event in events) == 3
    assert (await clauses(broker))[-1] == "I answer myself."


def test_authors_are_told_that_a_handover_leaves_the_speech_to_text() -> None:
    front, other = Agent(name="front", tools=[to_billing]), Agent(name="billing", stt="openai.STT")
    (warning,) = warnings_about(Agents({"front": front, "billing": other}))
    assert "'billing'" in warning
    assert "openai.STT" in warning
    assert warnings_about(Agents({"billing": other})) == []
