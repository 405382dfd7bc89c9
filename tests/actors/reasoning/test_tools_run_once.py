"""Tools and what may happen meanwhile: the caller interrupts, the process dies, another copy takes over."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from faststream.nats import NatsBroker
from langchain_core.messages import AIMessage, AIMessageChunk, ToolMessage

from actors.reasoning.answering import Reasoning
from actors.reasoning.decide import reply_id_of
from actors.reasoning.tools import call_id_of
from contracts import events as e
from infra.agents.call import Call
from infra.agents.tool import Tool
from infra.log.event_log import append
from tests.actors.reasoning.facts import about, ended, fact, opened, revised, started
from tests.actors.reasoning.models import ScriptedModel, tool_call
from tests.actors.reasoning.test_actor import copy_of_actor, finish, handled, last, log_of, names, tell, until

ORDER = "Order it."
NOTHING: dict[str, object] = {"type": "object", "properties": {}}


class Effects:
    """A tool whose runs are counted, and which returns when it is let."""

    def __init__(self, is_held: bool = False, **settings: Any) -> None:
        self.keys: list[str] = []
        self.cancelled = 0
        self.goes_on = asyncio.Event()
        if not is_held:
            self.goes_on.set()
        self.tool = Tool("order", ORDER, NOTHING, self._run, **{"kind": "action", **settings})

    def named(self, name: str) -> Tool:
        """Return the tool under another name."""
        return replace(self.tool, name=name)

    async def _run(self, _arguments: Mapping[str, object], call: Call) -> str:
        self.keys.append(call.idempotency_key)
        try:
            await self.goes_on.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return "number 17"

    async def runs(self) -> bool:
        return bool(self.keys)


def called_then(answer: str) -> ScriptedModel:
    return ScriptedModel.playing([tool_call("order")], [answer])


def is_in(broker: NatsBroker, name: str) -> Callable[[], Awaitable[bool]]:
    async def there() -> bool:
        return name in await names(broker)

    return there


async def interrupt(broker: NatsBroker, turn: e.TurnEnded) -> None:
    await append(broker, about(e.TurnInterrupted, reply_id_of(turn), turn_id="t2", participant_id="p"))


async def test_a_call_is_a_fact_with_its_key_before_it_runs(broker: NatsBroker) -> None:
    effects = Effects()
    async with copy_of_actor(broker, called_then("Done."), having=[effects.tool]) as actor:
        await finish(await tell(broker, actor, opened(llm="fake:m0"), ended(ORDER)))
    called, returned = await last(broker, e.ToolCalled), await last(broker, e.ToolReturned)
    assert (called.kind, called.idempotent, called.round) == ("action", False, 0)
    assert [called.idempotency_key] == effects.keys != [""]
    assert (returned.outcome, returned.result, returned.attempts) == ("ok", "number 17", 1)
    assert (await names(broker)).index("ToolCalled") < (await names(broker)).index("ToolReturned")


async def test_an_action_goes_on_when_the_caller_interrupts_and_the_next_turn_knows_its_result(
    broker: NatsBroker,
) -> None:
    effects, turn = Effects(is_held=True), ended(ORDER)
    model = called_then("You have number 17.")
    async with copy_of_actor(broker, model, having=[effects.tool]) as actor:
        tasks = await tell(broker, actor, opened(llm="fake:m0"), turn)
        await until(effects.runs)
        await interrupt(broker, turn)
        await until(is_in(broker, "ReplyCompleted"))
        assert not all(task is None or task.done() for task in tasks)  # its message is held until the action has ended
        effects.goes_on.set()
        await finish(tasks)
        await finish(await tell(broker, actor, ended("Did it work?", "t2")))
    assert (await last(broker, e.ToolReturned)).outcome == "ok"
    assert (len(effects.keys), effects.cancelled) == (1, 0)
    told, result = model.asked[1][-3:-1]
    assert isinstance(told, AIMessage)
    assert [call["name"] for call in told.tool_calls] == ["order"]
    assert isinstance(result, ToolMessage)
    assert (result.text, result.tool_call_id) == ("number 17", told.tool_calls[0]["id"])
    assert (await last(broker, e.ReplyStarted)).context[-2].tool == "order"


async def test_an_action_that_still_runs_in_the_next_turn_is_told_as_running(broker: NatsBroker) -> None:
    effects, turn = Effects(is_held=True), ended(ORDER)
    model = called_then("It is being done.")
    async with copy_of_actor(broker, model, having=[effects.tool]) as actor:
        tasks = await tell(broker, actor, opened(llm="fake:m0"), turn)
        await until(effects.runs)
        await interrupt(broker, turn)
        await finish(await tell(broker, actor, ended("Did it work?", "t2")))
        effects.goes_on.set()
        await finish(tasks)
    assert "still running" in model.asked[1][-2].text


async def test_a_draft_that_does_not_know_what_came_of_an_action_is_written_again(broker: NatsBroker) -> None:
    effects, turn = Effects(is_held=True), ended(ORDER)
    model = called_then("Let me see.")
    async with copy_of_actor(broker, model, having=[effects.tool]) as actor:
        tasks = await tell(broker, actor, opened(llm="fake:m0"), turn)
        await until(effects.runs)
        await interrupt(broker, turn)
        await finish(await tell(broker, actor, revised("Did it work?", "rev2", "t2")))
        effects.goes_on.set()
        await finish(tasks)
        await finish(await tell(broker, actor, ended("Did it work?", "t2")))
    assert (await last(broker, e.ReplyDiscarded)).reply_id == reply_id_of(revised("", "rev2", "t2"))
    assert model.asked[-1][-2].text == "number 17"


async def test_a_reader_is_cancelled_when_the_caller_interrupts(broker: NatsBroker) -> None:
    effects, turn = Effects(is_held=True, kind="reader"), ended(ORDER)
    async with copy_of_actor(broker, called_then("Done."), having=[effects.tool]) as actor:
        tasks = await tell(broker, actor, opened(llm="fake:m0"), turn)
        await until(effects.runs)
        await interrupt(broker, turn)
        await finish(tasks)
    assert effects.cancelled == 1
    assert (await last(broker, e.ToolReturned)).outcome == "cancelled"
    assert (await last(broker, e.ReplyCompleted)).finish == "interrupted"


async def die(actor: Reasoning) -> None:
    """End what a copy does, as its death would, without a word to the log."""
    for task in list(actor._runs._tasks.values()):
        task.cancel()
    for generation in list(actor._running.values()):
        assert generation._writing is not None
        generation._writing.cancel()


async def left_by_a_dead_copy(broker: NatsBroker, effects: Effects, turn: e.TurnEnded) -> None:
    """Have a copy die while the tool runs for a turn."""
    async with copy_of_actor(broker, called_then("Done."), having=[effects.tool]) as actor:
        tasks = await tell(broker, actor, opened(llm="fake:m0"), turn)
        await until(effects.runs)
        for task in tasks:
            if task is not None:
                task.cancel()
        await die(actor)
        await asyncio.gather(*(task for task in tasks if task is not None), return_exceptions=True)


@pytest.mark.parametrize("kind", ["action", "reader"])
async def test_what_may_run_again_does_so_with_the_same_key_in_the_next_copy(broker: NatsBroker, kind: str) -> None:
    turn, held = ended(ORDER), Effects(is_held=True, kind=kind, idempotent=kind == "action")
    await left_by_a_dead_copy(broker, held, turn)
    again = Effects(kind=kind, idempotent=kind == "action")
    model = ScriptedModel.playing(["You have number 17."])
    async with copy_of_actor(broker, model, having=[again.tool]) as actor:
        await finish([await handled(actor, turn)])
    assert again.keys == held.keys
    assert (await names(broker)).count("ToolCalled") == (await names(broker)).count("ToolReturned") == 1
    assert (await last(broker, e.ToolReturned)).outcome == "ok"
    told, result = model.asked[0][-2:]
    assert isinstance(told, AIMessage)
    assert (result.text, len(told.tool_calls)) == ("number 17", 1)


async def test_of_an_action_that_may_not_run_again_nobody_knows_until_somebody_settles_it(broker: NatsBroker) -> None:
    turn, held = ended(ORDER), Effects(is_held=True)
    await left_by_a_dead_copy(broker, held, turn)
    again, model = Effects(), ScriptedModel.playing(["I do not know whether it worked."])
    async with copy_of_actor(broker, model, having=[again.tool]) as actor:
        await finish([await handled(actor, turn)])
        returned = await last(broker, e.ToolReturned)
        assert (returned.outcome, again.keys) == ("unknown", [])
        assert "not known" in model.asked[0][-1].text
        settled = about(e.ToolSettled, reply_id_of(turn), call_id=returned.call_id, tool="order", result="it is booked")
        await append(broker, settled)
        await finish(await tell(broker, actor, ended("Did it work?", "t2")))
    assert model.asked[1][-2].text == "it is booked"


async def test_an_action_left_by_a_reply_that_was_interrupted_is_finished_by_the_next_copy(broker: NatsBroker) -> None:
    turn = ended(ORDER)
    reply_id = reply_id_of(turn)
    call_id = call_id_of(reply_id, "order", {}, 0)
    called = about(e.ToolCalled, reply_id, call_id=call_id, tool="order", kind="action", idempotent=True)
    end = about(e.ReplyCompleted, reply_id, text="", clauses=0, finish="interrupted")
    for event in (opened(llm="fake:m0"), turn, started(ORDER, reply_id), called, end):
        await append(broker, event)
    effects, model = Effects(idempotent=True), ScriptedModel.playing(["Never said."])
    async with copy_of_actor(broker, model, having=[effects.tool]) as actor:
        await finish([await handled(actor, turn)])
        await finish([await handled(actor, turn)])
    assert effects.keys == [call_id]
    assert model.asked == []
    assert (await last(broker, e.ToolReturned)).outcome == "ok"


async def test_a_frozen_copy_whose_action_was_given_up_says_what_came_of_it_after_all(broker: NatsBroker) -> None:
    turn, held = ended(ORDER), Effects(is_held=True)
    other = ScriptedModel.playing(["I do not know."])
    async with (
        copy_of_actor(broker, called_then("Done."), having=[held.tool]) as frozen,
        copy_of_actor(broker, other, having=[Effects().tool]) as second,
    ):
        tasks = await tell(broker, frozen, opened(llm="fake:m0"), turn)
        await until(held.runs)
        await finish([await handled(second, turn)])
        assert (await last(broker, e.ToolReturned)).outcome == "unknown"
        held.goes_on.set()
        await until(is_in(broker, "ToolSettled"))
        await asyncio.gather(*(task for task in tasks if task is not None), return_exceptions=True)
    settled = await last(broker, e.ToolSettled)
    assert (settled.result, (await names(broker)).count("ToolReturned")) == ("number 17", 1)
    assert len(held.keys) == 1


async def test_two_copies_that_write_the_same_reply_run_its_action_once(broker: NatsBroker) -> None:
    turn, effects = ended(ORDER), Effects()
    async with (
        copy_of_actor(broker, called_then("Done."), having=[effects.tool]) as first,
        copy_of_actor(broker, called_then("Done."), having=[effects.tool]) as second,
    ):
        await append(broker, opened(llm="fake:m0"))
        await append(broker, turn)
        tasks = await asyncio.gather(handled(first, turn), handled(second, turn))
        await asyncio.gather(*(task for task in tasks if task is not None), return_exceptions=True)
    assert len(effects.keys) == 1
    assert (await names(broker)).count("ToolReturned") == 1


def both_at_once() -> AIMessageChunk:
    calls = [{"name": name, "args": "{}", "id": name, "index": n} for n, name in enumerate(("first", "second"))]
    return AIMessageChunk(content="", tool_call_chunks=calls)


@pytest.mark.parametrize("parallel", [True, False])
async def test_calls_of_one_message_run_side_by_side_unless_a_tool_forbids_it(
    broker: NatsBroker, parallel: bool
) -> None:
    running, most = 0, 0

    async def run(_arguments: Mapping[str, object], _call: Call) -> str:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.05)
        running -= 1
        return "done"

    tools = [Tool(name, "Do it.", NOTHING, run, kind="action", parallel=parallel) for name in ("first", "second")]
    model = ScriptedModel.playing([both_at_once()], ["Done."])
    async with copy_of_actor(broker, model, having=tools) as actor:
        await finish(await tell(broker, actor, opened(llm="fake:m0"), ended(ORDER)))
    assert most == (2 if parallel else 1)
    assert [message.text for message in model.asked[1][-2:]] == ["done", "done"]


async def test_a_model_that_calls_the_same_action_for_ever_has_it_run_once(broker: NatsBroker) -> None:
    effects = Effects()
    async with copy_of_actor(broker, ScriptedModel.playing([tool_call("order")]), having=[effects.tool]) as actor:
        await finish(await tell(broker, actor, opened(llm="fake:m0"), ended(ORDER)))
    assert len(effects.keys) == 1
    refused = [each for each in await log_of(broker) if isinstance(each, e.ToolReturned)][1:]
    assert all(each.outcome == "failed" and "does not run again" in (each.error or "") for each in refused)
    assert refused
    end = await last(broker, e.ReplyCompleted)
    assert end.finish == "tool-calls"
    assert end.text.strip()


async def test_a_long_result_is_stored_whole_and_shown_to_the_model_cut(broker: NatsBroker) -> None:
    text = json.dumps(["table"] * 5_000)

    async def run(_arguments: Mapping[str, object], _call: Call) -> str:
        return text

    tool = Tool("order", ORDER, NOTHING, run)
    model = called_then("Many.")
    async with copy_of_actor(broker, model, having=[tool]) as actor:
        await finish(await tell(broker, actor, opened(llm="fake:m0"), ended(ORDER)))
    assert (await last(broker, e.ToolReturned)).result == text
    assert len(model.asked[1][-1].text) < 7_000


async def test_an_action_that_runs_when_the_session_closes_is_finished(broker: NatsBroker) -> None:
    effects = Effects(is_held=True)
    async with copy_of_actor(broker, called_then("Done."), having=[effects.tool]) as actor:
        tasks = await tell(broker, actor, opened(llm="fake:m0"), ended(ORDER))
        await until(effects.runs)
        await append(broker, fact(e.SessionClosed, "close", reason="hangup"))
        await until(is_in(broker, "ReplyCompleted"))
        effects.goes_on.set()
        await finish(tasks)
    assert (await last(broker, e.ToolReturned)).outcome == "ok"
