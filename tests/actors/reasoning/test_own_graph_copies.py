"""Two copies write the reply of one graph: a tool runs once, and both go on with what the log has of it."""

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import Any

from faststream.nats import NatsBroker
from langchain_core.messages import AIMessage, ToolCall, ToolMessage
from langchain_core.tools import tool
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode

from actors.reasoning.answering import Reasoning
from contracts import events as e
from infra.log.event_log import append
from tests.actors.reasoning.facts import ended, opened
from tests.actors.reasoning.models import ScriptedModel
from tests.actors.reasoning.test_actor import copy_of_actor, finish, handled, last, names, until
from tests.actors.reasoning.test_tools_run_once import is_in
from tests.waiting import until as until_so


class Order:
    """A graph that orders and tells what came of it; both wait until they are let."""

    def __init__(self, asks: bool = False, orders: bool = False) -> None:
        self.asked, self.ordered = 0, 0
        self.may_ask, self.may_order = asyncio.Event(), asyncio.Event()
        if asks:
            self.may_ask.set()
        if orders:
            self.may_order.set()

    async def _order(self) -> str:
        self.ordered += 1
        await self.may_order.wait()
        return "number 17"

    async def _ask(self, state: MessagesState) -> dict[str, Any]:
        came = state["messages"][-1]
        if isinstance(came, ToolMessage):
            return {"messages": [AIMessage(f"What I know: {came.text}.")]}
        self.asked += 1
        await self.may_ask.wait()
        call = ToolCall(name="order", args={}, id=f"call-{self.asked}", type="tool_call")
        return {"messages": [AIMessage("", tool_calls=[call])]}

    def copy(self, broker: NatsBroker, instance: str) -> AbstractAsyncContextManager[Reasoning]:
        """Return a copy of the actor whose agent has this graph."""

        @tool
        async def order() -> str:
            """Order it."""
            return await self._order()

        def after(state: MessagesState) -> str:
            return "tools" if getattr(state["messages"][-1], "tool_calls", None) else END

        graph = StateGraph(MessagesState).add_node("ask", self._ask).add_node("tools", ToolNode([order]))
        graph.add_edge(START, "ask").add_conditional_edges("ask", after, ["tools", END]).add_edge("tools", "ask")
        return copy_of_actor(broker, ScriptedModel.playing(["never"]), instance=instance, graph=graph.compile())


async def test_copies_that_call_the_same_tool_at_the_same_time_run_it_once(broker: NatsBroker) -> None:
    order, turn = Order(orders=True), ended("Order it.")
    async with order.copy(broker, "a") as first, order.copy(broker, "b") as second:
        await append(broker, opened(llm="fake:m0"))
        await append(broker, turn)
        tasks = [await handled(first, turn), await handled(second, turn)]
        await until_so(lambda: order.asked == 2, what="both graphs are about to call")
        order.may_ask.set()
        await finish(tasks)
    stored = await names(broker)
    assert order.ordered == 1
    assert [stored.count(name) for name in ("ToolCalled", "ToolReturned", "ReplyCompleted", "EngineFailed")] == [
        1,
        1,
        1,
        0,
    ]
    told = (await last(broker, e.ReplyCompleted)).text
    assert told.startswith("What I know: ")


async def test_a_frozen_copy_says_what_came_of_its_tool_after_all(broker: NatsBroker) -> None:
    frozen, other, turn = Order(asks=True), Order(asks=True, orders=True), ended("Order it.")
    async with frozen.copy(broker, "a") as first, other.copy(broker, "b") as second:
        await append(broker, opened(llm="fake:m0"))
        await append(broker, turn)
        tasks = [await handled(first, turn)]
        await until_so(lambda: frozen.ordered == 1, what="the tool runs")
        await finish([await handled(second, turn)])
        assert (await last(broker, e.ToolReturned)).outcome == "unknown"
        assert "not known" in (await last(broker, e.ReplyCompleted)).text
        frozen.may_order.set()
        await until(is_in(broker, "ToolSettled"))
        await finish(tasks)
    settled, stored = await last(broker, e.ToolSettled), await names(broker)
    assert (settled.result, other.ordered) == ("number 17", 0)
    assert [stored.count(name) for name in ("ToolReturned", "ReplyCompleted", "EngineFailed")] == [1, 1, 0]
