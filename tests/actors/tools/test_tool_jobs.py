"""Tools in processes of their own: each call is run by one copy, and the reply goes on with what came of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgpack
import pytest
from faststream.nats import NatsBroker
from nats.aio.msg import Msg

from actors.reasoning.actor import listen, reasoning_on
from actors.reasoning.answering import Reasoning
from actors.reasoning.decide import reply_id_of
from actors.reasoning.remarks import take_requests
from actors.tools import actor as tools_actor
from actors.tools.tool_jobs import ToolJobs
from contracts import events as e
from contracts.topology import transfer_subject
from infra.agents.agent import Agent
from infra.agents.call import Call
from infra.agents.loading import Agents
from infra.agents.mcp_tools import McpServers
from infra.agents.tool import action
from infra.log.connection import connection
from infra.log.event_log import append
from infra.log.taped_log import LiveLog
from infra.settings import Settings
from infra.tape.untaped import Untaped
from tests.actors.reasoning.facts import SESSION, about, ended, fact, opened
from tests.actors.reasoning.test_actor import finish, handled, last, log_of, names, tell, until
from tests.actors.reasoning.test_tools_run_once import ORDER, Effects, called_then, interrupt

CALLER = e.ToolCaller(agent="shop", user_id="sam", attributes={"number": "+49 1"})


def called(**fields: Any) -> e.ToolCalled:
    told = {"call_id": "c1", "tool": "order", "kind": "action", "idempotency_key": "c1", "caller": CALLER}
    event: e.ToolCalled = about(e.ToolCalled, **{**told, **fields})
    return event


def agents_with(effects: Effects) -> Agents:
    return Agents({"shop": Agent(name="shop", tools=[effects.tool])})


def a_copy(broker: NatsBroker, effects: Effects, instance: str = "tools-a") -> ToolJobs:
    return ToolJobs(LiveLog(broker, Untaped(instance)), agents_with(effects), McpServers(), instance)


async def test_a_job_is_run_and_answered_with_its_key(broker: NatsBroker) -> None:
    effects = Effects()
    await append(broker, called())
    job = await a_copy(broker, effects).take(called())
    await finish([job])
    assert await names(broker) == ["ToolCalled", "ToolBegun", "ToolReturned"]
    assert effects.keys == ["c1"]
    assert (await last(broker, e.ToolReturned)).result == "number 17"


@pytest.mark.parametrize("other", [{"caller": None}, {"tool": "pay"}, {"caller": e.ToolCaller(agent="bank")}])
async def test_what_is_no_job_of_this_copy_is_left(broker: NatsBroker, other: dict[str, Any]) -> None:
    await append(broker, called(**other))
    assert await a_copy(broker, Effects()).take(called(**other)) is None
    assert await names(broker) == ["ToolCalled"]


async def test_an_action_that_another_copy_has_begun_does_not_run_again(broker: NatsBroker) -> None:
    held, again = Effects(is_held=True), Effects()
    first, second = a_copy(broker, held), a_copy(broker, again, "tools-b")
    await append(broker, called())
    job = await first.take(called())
    await until(held.runs)
    assert await second.take(called()) is None
    assert ((await last(broker, e.ToolReturned)).outcome, again.keys) == ("unknown", [])
    held.goes_on.set()
    await finish([job])
    settled = await last(broker, e.ToolSettled)
    assert (settled.result, (await names(broker)).count("ToolReturned")) == ("number 17", 1)


async def test_two_copies_that_get_a_job_at_once_run_it_once(broker: NatsBroker) -> None:
    one, other = Effects(), Effects()
    await append(broker, called())
    copies = a_copy(broker, one), a_copy(broker, other, "tools-b")
    jobs = await asyncio.gather(*(copy.take(called()) for copy in copies))
    await finish(list(jobs))
    assert len(one.keys + other.keys) == 1


async def test_an_idempotent_action_runs_again_with_the_same_key(broker: NatsBroker) -> None:
    held, again = Effects(is_held=True, idempotent=True), Effects(idempotent=True)
    job = called(idempotent=True)
    await append(broker, job)
    dying = await a_copy(broker, held).take(job)
    await until(held.runs)
    assert dying is not None
    dying.cancel()
    await finish([await a_copy(broker, again, "tools-b").take(job)])
    assert held.keys == again.keys == ["c1"]
    assert (await last(broker, e.ToolReturned)).outcome == "ok"


async def test_a_call_that_was_answered_is_nobodys_job(broker: NatsBroker) -> None:
    effects = Effects()
    await append(broker, called())
    await append(broker, about(e.ToolReturned, call_id="c1", tool="order", outcome="timed-out", error="too late"))
    assert await a_copy(broker, effects).take(called()) is None
    assert effects.keys == []


@asynccontextmanager
async def reasoning_and_tools(broker: NatsBroker, effects: Effects, *models: Any) -> AsyncIterator[Reasoning]:
    """Run reasoning, whose tools run in a copy of tools."""
    settings, jobs = (
        Settings(llm="fake:m0", tools="remote"),
        tools_actor.tool_jobs_on(broker, agents_with(effects), McpServers()),
    )
    actor = reasoning_on(
        broker, Untaped(), settings, lambda name, _: models[0], agents=Agents(agents_with(effects).by_name)
    )
    await actor.open()
    taken: set[str] = set()

    async def take_jobs() -> None:
        while True:
            for event in await log_of(broker):
                if isinstance(event, e.ToolCalled) and event.event_id not in taken:
                    taken.add(event.event_id)
                    await jobs.take(event)
            await asyncio.sleep(0.01)

    taking = asyncio.create_task(take_jobs())
    async with listen(broker, actor), tools_actor.listen(broker, jobs):
        yield actor
    taking.cancel()
    await actor.close()


def in_shop() -> e.SessionOpened:
    event = opened(llm="fake:m0")
    return event.model_copy(update={"profile": event.profile.model_copy(update={"agent": "shop"})})


async def test_a_reply_goes_on_with_what_a_process_of_tools_returned(broker: NatsBroker) -> None:
    effects, model = Effects(), called_then("You have number 17.")
    async with reasoning_and_tools(broker, effects, model) as actor:
        joined = fact(e.ParticipantJoined, "joined", participant_id="p", kind="person")
        await finish(await tell(broker, actor, in_shop(), joined, ended(ORDER)))
    assert model.asked[1][-1].text == "number 17"
    assert (await names(broker)).count("ToolReturned") == 1
    caller = (await last(broker, e.ToolCalled)).caller
    assert (caller.agent, caller.participant_id) == ("shop", "p")


async def test_a_reader_in_another_process_is_cancelled_when_the_caller_interrupts(broker: NatsBroker) -> None:
    effects, turn = Effects(is_held=True, kind="reader"), ended(ORDER)
    async with reasoning_and_tools(broker, effects, called_then("Never.")) as actor:
        tasks = await tell(broker, actor, in_shop(), turn)
        await until(effects.runs)
        await interrupt(broker, turn)
        await finish(tasks)

        async def is_cancelled() -> bool:
            return effects.cancelled == 1

        await until(is_cancelled)
    assert (await last(broker, e.ToolReturned)).outcome == "cancelled"


async def test_the_death_of_the_replys_process_costs_no_result(broker: NatsBroker) -> None:
    effects, turn = Effects(is_held=True), ended(ORDER)
    async with reasoning_and_tools(broker, effects, called_then("You have number 17.")) as actor:
        tasks = await tell(broker, actor, in_shop(), turn)
        await until(effects.runs)
        for task in tasks:
            if task is not None:
                task.cancel()
        again = asyncio.create_task(handled(actor, turn))
        effects.goes_on.set()
        await finish([await again])
    assert len(effects.keys) == 1
    assert (await last(broker, e.ToolReturned)).outcome == "ok"
    assert (await last(broker, e.ReplyCompleted)).reply_id == reply_id_of(turn)


@action(idempotent=True)
async def take_pin(call: Call) -> str:
    """Ask for the PIN, put the caller through, and end the call."""
    await call.say("Please type your PIN.")
    keys = await call.dtmf(4, timeout_s=30)
    await call.transfer("tel:+4940123456")
    await call.end("solved")
    return keys


def with_pin() -> Agents:
    return Agents({"shop": Agent(name="shop", tools=[take_pin])})


def pin_called(**fields: Any) -> e.ToolCalled:
    caller = CALLER.model_copy(update={"participant_id": "p"})
    return called(tool="take_pin", idempotent=True, **{"caller": caller, **fields})


async def test_an_action_controls_its_call_from_another_process(broker: NatsBroker) -> None:
    asked = asyncio.Queue[dict[str, str]]()

    async def door(message: Msg) -> None:
        asked.put_nowait(msgpack.unpackb(message.data))
        await message.respond(b"")

    jobs = tools_actor.tool_jobs_on(broker, with_pin(), McpServers())
    await connection(broker).subscribe(transfer_subject(SESSION), cb=door)
    for event in (in_shop(), pin_called()):
        await append(broker, event)

    async def has_said() -> bool:
        return "RemarkRequested" in await names(broker)

    async with take_requests(broker, 1_000), tools_actor.listen(broker, jobs):
        job = await jobs.take(pin_called())
        await until(has_said)
        for n, digit in enumerate("1234"):
            await append(broker, fact(e.DtmfReceived, f"key-{n}", participant_id="p", digit=digit, code=int(digit)))
        await finish([job])
    assert (await last(broker, e.ToolReturned)).result == "1234"
    assert asked.get_nowait() == {"participant_id": "p", "to": "tel:+4940123456"}
    assert (await last(broker, e.RemarkRequested)).requested_by == "take_pin"
    assert (await last(broker, e.EndRequested)).reason == "solved"


async def test_a_reader_does_not_control_its_call(broker: NatsBroker) -> None:
    jobs = tools_actor.tool_jobs_on(broker, with_pin(), McpServers())
    job = pin_called(kind="reader", idempotency_key="")
    for event in (in_shop(), job):
        await append(broker, event)
    await finish([await jobs.take(job)])
    assert "mark the tool with @action" in (await last(broker, e.ToolReturned)).error
