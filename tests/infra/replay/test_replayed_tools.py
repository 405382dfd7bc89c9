"""Tools run again over the tape: those that were interrupted, that a copy died in, that another copy went on with."""

import asyncio

import pytest
from faststream.nats import NatsBroker

from actors.reasoning.decide import reply_id_of
from contracts import events as e
from infra.agents.agent import Agent
from infra.agents.loading import DEFAULT, Agents
from infra.agents.mcp_tools import Connection
from infra.agents.tool import Tool
from infra.log.event_log import Fact, append
from tests.actors.reasoning.facts import about, ended, opened
from tests.actors.reasoning.models import ScriptedModel, tool_call
from tests.actors.reasoning.test_actor import until as until_true
from tests.actors.reasoning.test_handover import AGENTS, BILLING, FRONT
from tests.actors.reasoning.test_handover import OPENED as HANDING_OVER
from tests.actors.reasoning.test_tools_run_once import ORDER, Effects, both_at_once, called_then, die
from tests.infra.replay.taped_reasoning import appended_by, facts_of, finish, replayed, taped_copy, tell
from tests.infra.replay.test_replayed_reasoning import assert_same


@pytest.mark.parametrize("kind", ["action", "reader"])
async def test_a_tool_whose_reply_was_interrupted_comes_out_the_same(broker: NatsBroker, kind: str) -> None:
    effects, turn = Effects(is_held=True, kind=kind), ended(ORDER)
    async with taped_copy("reasoning-a", called_then("It is done."), having=[effects.tool]) as copy:
        jobs = await tell(broker, copy, opened(llm="fake:m0"), turn)
        await until_true(effects.runs)
        await append(broker, about(e.TurnInterrupted, reply_id_of(turn), turn_id="t2", participant_id="p"))

        async def is_over() -> bool:
            return any(isinstance(each.event, e.ReplyCompleted) for each in await facts_of(broker))

        await until_true(is_over)
        effects.goes_on.set()
        await finish(jobs)
        await finish(await tell(broker, copy, ended("Did it work?", "t2")))
    await assert_same(copy, broker)


async def test_calls_side_by_side_come_out_the_same(broker: NatsBroker) -> None:
    first, second = Effects(), Effects(kind="reader")
    tools = [first.named("first"), second.named("second")]
    model = ScriptedModel.playing([both_at_once()], ["Done."])
    async with taped_copy("reasoning-a", model, having=tools) as copy:
        await finish(await tell(broker, copy, opened(llm="fake:m0"), ended(ORDER)))
    await assert_same(copy, broker)


@pytest.mark.parametrize("idempotent", [True, False])
async def test_a_call_that_another_copy_went_on_with_comes_out_the_same_for_both(
    broker: NatsBroker, idempotent: bool
) -> None:
    turn, held, again = ended(ORDER), Effects(is_held=True, idempotent=idempotent), Effects(idempotent=idempotent)
    async with taped_copy("reasoning-a", called_then("Done."), having=[held.tool]) as first:
        await tell(broker, first, opened(llm="fake:m0"))
        sequence = await append(broker, turn)
        job = await first.take(Fact(sequence, turn))
        assert job is not None
        await until_true(held.runs)
        job.cancel()
        await die(first.actor)
        await asyncio.gather(job, return_exceptions=True)
    async with taped_copy("reasoning-b", ScriptedModel.playing(["Done."]), having=[again.tool]) as second:
        job = await second.take(Fact(sequence, turn))
        assert job is not None
        await finish([job])
    last = max(appended_by(first, await facts_of(broker)))
    await assert_same(first, broker, is_cut=True, last=last)
    await assert_same(second, broker)
    assert len(again.keys) == int(idempotent)


async def test_a_conversation_that_was_handed_over_comes_out_the_same(broker: NatsBroker) -> None:
    front = ScriptedModel.playing(["Hello."], [tool_call("summed_up")], ["Sam asks for a bill."], ["Here again."])
    billing = ScriptedModel.playing(["You owe ten."], [tool_call("back")])
    async with taped_copy("reasoning-a", front, billing, llm=f"{FRONT},{BILLING}", agents=AGENTS) as copy:
        for number, text in enumerate(("I am Sam.", "What do I owe?", "Thanks.")):
            turn = ended(text, f"t{number}")
            await finish(await tell(broker, copy, *([HANDING_OVER] if number == 0 else []), turn))
    assert sum(isinstance(each.event, e.HandedOver) for each in await facts_of(broker)) == 2
    await assert_same(copy, broker)


async def test_a_filler_comes_out_where_it_was_said(broker: NatsBroker) -> None:
    effects, turn = Effects(is_held=True, kind="reader"), ended(ORDER)
    async with taped_copy("reasoning-a", called_then("It is done."), having=[effects.tool]) as copy:
        jobs = await tell(broker, copy, opened(llm="fake:m0", filler="One moment."), turn)

        async def is_said() -> bool:
            return any(isinstance(each.event, e.ReplyClauseWritten) for each in await facts_of(broker))

        await until_true(is_said)
        effects.goes_on.set()
        await finish(jobs)
    clauses = [each.event.text for each in await facts_of(broker) if isinstance(each.event, e.ReplyClauseWritten)]
    assert clauses == ["One moment.", " It is done."]
    await assert_same(copy, broker)


async def test_a_tool_that_returns_something_else_is_a_difference(broker: NatsBroker) -> None:
    effects, turn = Effects(), ended(ORDER)
    async with taped_copy("reasoning-a", called_then("Done."), having=[effects.tool]) as copy:
        await finish(await tell(broker, copy, opened(llm="fake:m0"), turn))
    facts = await facts_of(broker)
    changed = [
        Fact(each.sequence, each.event.model_copy(update={"result": "number 18"}))
        if isinstance(each.event, e.ToolReturned)
        else each
        for each in facts
    ]
    assert (await replayed(copy.stretch(), changed, copy.agents)).differences != []


async def test_tools_of_a_server_come_from_the_tape(broker: NatsBroker) -> None:
    effects = Effects()
    agents = Agents(built_in=Agent(name=DEFAULT, mcp={"shop": {"transport": "stdio", "command": "nothing"}}))

    async def ask(_name: str, _connection: Connection) -> list[Tool]:
        return [effects.tool]

    async with taped_copy("reasoning-a", called_then("Done."), agents=agents, ask=ask) as copy:
        await finish(await tell(broker, copy, opened(llm="fake:m0"), ended(ORDER)))
    assert len(effects.keys) == 1
    await assert_same(copy, broker)
