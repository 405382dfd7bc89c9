"""The agent of `daredevil bench tools`: its model is a script, and its tools write down what they have done.

Run with DAREDEVIL_AGENTS=infra.bench.tools_agent and BENCH_LEDGER, the folder of an `OrderLedger`.
"""

import asyncio
import os
import random
import re
import time
from collections.abc import AsyncIterator, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult

from infra.agents.agent import Agent
from infra.agents.call import Call
from infra.agents.tool import action, reader
from infra.bench.order_ledger import OrderLedger

AGENT = "bench"
MODEL = "infra.bench.tools_agent:OrderTaker"
LONGEST_S = 0.06
"""A tool takes up to this long before it takes effect, and again after."""


@cache
def _ledger() -> OrderLedger:
    return OrderLedger(Path(os.environ["BENCH_LEDGER"]))


async def _pause() -> None:
    await asyncio.sleep(random.uniform(0, LONGEST_S))


@action(idempotent=True)
async def book(order: str, call: Call) -> str:
    """Book an order at a shop that knows idempotency keys."""
    await _pause()
    _ledger().book(order, call.idempotency_key)
    await _pause()
    return f"booked {order}"


@action
async def charge(order: str, call: Call) -> str:
    """Charge an order at a shop that does whatever it is told, as often as it is told."""
    await _pause()
    _ledger().charge(order, call.idempotency_key)
    await _pause()
    return f"charged {order}"


@reader
async def look_up(order: str) -> str:
    """Look an order up, in no time."""
    return f"there is {order}"


class OrderTaker(BaseChatModel):
    """Calls the tool that it is told to call ("book 17"), and says what came of it; it takes no time."""

    def bind_tools(self, *_args: Any, **_kwargs: Any) -> Any:
        """Return itself: it knows the tools."""
        return self

    @property
    def _llm_type(self) -> str:
        return "order-taker"

    def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
        raise NotImplementedError

    def _stream(self, *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
        raise NotImplementedError

    async def _astream(
        self, messages: list[BaseMessage], *args: Any, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        asked_ns = time.time_ns()
        answer = _answer(messages)
        yield ChatGenerationChunk(message=answer)
        if os.environ.get("BENCH_TIMES"):
            _ledger().note_model(asked_ns, time.time_ns(), messages[-1].type == "tool")


def _answer(messages: list[BaseMessage]) -> AIMessageChunk:
    last = messages[-1]
    wanted = re.fullmatch(r"(book|charge|look up) (\S+)", last.text.strip())
    if last.type == "tool" or wanted is None:
        return AIMessageChunk(content="All right.", response_metadata={"finish_reason": "stop"})
    name, order = wanted[1].replace(" ", "_"), wanted[2]
    call: Any = {"name": name, "args": f'{{"order": "{order}"}}', "id": "call_1", "index": 0}
    return AIMessageChunk(content="", tool_call_chunks=[call], response_metadata={"finish_reason": "tool_calls"})


agent = Agent(name=AGENT, instructions="Take orders.", tools=[book, charge, look_up], llm=MODEL)
