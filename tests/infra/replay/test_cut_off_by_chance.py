"""What is cut off while something comes of it: a replay has both in the order in which they were, whichever it was."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from langchain_core.messages import BaseMessage

from contracts import events as e
from infra.agents.agent import Agent
from infra.agents.call import Call
from infra.agents.guard import Answer, Drop, Replace, Verdict
from infra.agents.loading import DEFAULT, Agents
from infra.agents.tool import Tool
from infra.engines.sentence_end import Message, NoScore
from tests.actors.reasoning.facts import ended, fact, opened, revised
from tests.actors.reasoning.models import tool_call
from tests.actors.reasoning.test_handover import AGENTS, FRONT
from tests.infra.replay.by_chance import (
    Gates,
    SlowModel,
    Talk,
    assert_comes_out_the_same,
    assert_same,
    recorded,
    replayed,
)

CLOSED = fact(e.SessionClosed, "closed", reason="hangup")
NOTHING: dict[str, object] = {"type": "object", "properties": {}}


def words(opening: e.SessionOpened) -> tuple[e.Event, ...]:
    """Return four turns, of which two end with other words than those that a draft was begun on."""
    return (
        opening,
        revised("Tell me a story.", "rev-1", "t1"),
        ended("Tell me a story.", "t1", time_ns=2_000),
        revised("Is it", "rev-2", "t2"),
        revised("Is it late", "rev-3", "t2"),
        ended("Is it late in Tokyo?", "t2", time_ns=3_000),
        revised("Order", "rev-4", "t3"),
        ended("Order one, please.", "t3", time_ns=4_000),
        revised("Thank you.", "rev-5", "t4"),
        ended("Thank you.", "t4", time_ns=5_000),
        CLOSED,
    )


def story(messages: Sequence[BaseMessage]) -> Sequence[Any]:
    """Return an answer in pieces, or an error to thanks."""
    if "Thank" in messages[-1].text:
        return ["You are welcome, ", ConnectionError("no line")]
    return ["Once upon a time there was a king. ", "He had a hat. It", " was", " red, and he wore it every day."]


def calling(messages: Sequence[BaseMessage]) -> Sequence[Any]:
    """Return a model's answer that calls two tools, and what it says when they have returned."""
    if messages[-1].type == "tool":
        return ["It is ", "done, as far as I know. ", "Goodbye."]
    question = messages[-1].text.lower()
    calls = [name for name in ("look", "order") if name in question] or ["look", "order"]
    return ["One moment. ", *(tool_call(name) for name in calls[:1])]


def handing_over(messages: Sequence[BaseMessage]) -> Sequence[Any]:
    """Return what the desk says, what billing says, or a summary for billing."""
    told = messages[0].text
    if told.startswith("Sum up"):
        return ["Sam asks ", "for a bill."]
    if told.startswith("You are the desk."):
        return [tool_call("summed_up" if "story" in messages[-1].text else "to_billing")]
    return ["You owe ", "ten. ", "Is that all?"] if "Thank" not in messages[-1].text else [tool_call("back")]


def tools(gates: Gates) -> Agents:
    """Return an agent with a reader and an action."""

    async def run(_arguments: Mapping[str, object], _call: Call) -> str:
        await gates.passed("tool")
        return "number 17"

    look, order = Tool("look", "Look it up.", NOTHING, run), Tool("order", "Order it.", NOTHING, run, kind="action")
    return Agents(built_in=Agent(name=DEFAULT, tools=[look, order]))


def guards(gates: Gates) -> Agents:
    """Return an agent whose guards decide by chance."""

    async def judge(text: str) -> Verdict:
        await gates.passed("guard")
        return gates.chance.choice([None, None, Drop(), Replace("Well, then."), Answer("Not that.")])

    async def judge_clause(text: str) -> Verdict:
        await gates.passed("guard")
        return gates.chance.choice([None, None, None, Replace("Well, then."), Drop()])

    return Agents(built_in=Agent(name=DEFAULT, input_guard=judge, output_guard=judge_clause))


class SlowScorer:
    """Scores by chance, at a gate."""

    def __init__(self, gates: Gates) -> None:
        self._gates = gates

    async def probability(self, _messages: Sequence[Message]) -> float:
        await self._gates.passed("score")
        if self._gates.chance.random() < 0.2:
            raise NoScore("it hangs")
        return self._gates.chance.random()

    async def aclose(self) -> None:
        """Nothing is open."""


HANDING_OVER = opened(agent="front", prompt="You are the desk.", llm=FRONT)
TALKS = {
    "end": Talk(
        (opened(llm="fake:m0"), ended("How are you?", "t1")),
        lambda gates: SlowModel.at(gates, lambda _: ["Fine."]),
    ),
    "model": Talk(words(opened(llm="fake:m0")), lambda gates: SlowModel.at(gates, story)),
    "tools": Talk(words(opened(llm="fake:m0")), lambda gates: SlowModel.at(gates, calling), agents=tools),
    "guards": Talk(words(opened(llm="fake:m0")), lambda gates: SlowModel.at(gates, story), agents=guards),
    "scores": Talk(
        words(opened(llm="fake:m0", patience="balanced")), lambda gates: SlowModel.at(gates, story), scorer=SlowScorer
    ),
    "handover": Talk(
        words(HANDING_OVER), lambda gates: SlowModel.at(gates, handing_over), llm=FRONT, agents=lambda _: AGENTS
    ),
}


MOMENTS = ("", "", "stored ReplyStarted", "stored ReplyClauseWritten", "stored ReplyCompleted", "model", "read")


@pytest.mark.parametrize("seed", range(10, 30))  # of orders by chance a few in 1,000 still differ (docs/replay.md)
@pytest.mark.parametrize("name", TALKS)
def test_what_was_interrupted_comes_out_the_same(name: str, seed: int) -> None:
    chance = Random(seed)
    stops_at, slowest = chance.choice(MOMENTS), chance.choice((*MOMENTS, ""))
    assert_comes_out_the_same(replace(TALKS[name], interruptions=3, stops_at=stops_at, slowest=slowest), seed)


@pytest.mark.parametrize("slowest", ["stored ReplyCompleted", "read"])
def test_an_end_that_was_on_its_way_to_the_log_when_it_was_interrupted_comes_out_the_same(slowest: str) -> None:
    talk = replace(TALKS["end"], interruptions=1, stops_at="stored ReplyCompleted", slowest=slowest)
    facts, stretch = recorded(talk, seed=0)
    names = [type(each.event).__name__ for each in facts]
    assert names.index("TurnInterrupted") < names.index("ReplyCompleted")
    assert [each.event.finish for each in facts if isinstance(each.event, e.ReplyCompleted)] == ["completed"]
    assert_same(facts, replayed(talk, facts, stretch))
