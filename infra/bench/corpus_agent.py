"""Agents of a recorded corpus whose tools are called: a model with a script reads, books, and hands over.

`DAREDEVIL_AGENTS=infra.bench.corpus_agent` and `DAREDEVIL_LLM=infra.bench.corpus_agent:BookingAnswers`.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk

from infra.agents.agent import Agent
from infra.agents.call import Call
from infra.agents.handoff import Handoff
from infra.agents.tool import action, reader
from infra.bench.corpus_engines import TOKEN_S, QuickAnswers, number_of

READ_S, BOOK_S = 0.05, 0.4
"""How long tools take: long enough to be interrupted, and to be killed."""


@reader
async def find_tables(people: int) -> list[str]:
    """Find the tables that are free."""
    await asyncio.sleep(READ_S)
    return [f"table {number}" for number in range(1, people + 1)]


@action(idempotent=True, timeout_s=10)
async def book_table(table: str, call: Call) -> str:
    """Book a table at a restaurant that knows idempotency keys."""
    await asyncio.sleep(BOOK_S)
    return f"{table} is booked, with {len(call.idempotency_key)} letters of proof."


@action
async def to_the_kitchen(call: Call) -> Handoff:
    """Hand over to the cook."""
    return Handoff("cook", say="One moment.")


CALLS: tuple[tuple[str, dict[str, object]] | None, ...] = (
    ("find_tables", {"people": 3}),
    ("book_table", {"table": "table 2"}),
    ("to_the_kitchen", {}),
    None,
)
"""What is called, by the number of what was said."""


class BookingAnswers(QuickAnswers):
    """Calls a tool by the last words it is given, if it was offered it, and answers with what came of it."""

    offered: tuple[str, ...] = ()

    def bind_tools(self, tools: Sequence[Any], **_: Any) -> Any:
        """Return a model that may call these."""
        return self.model_copy(update={"offered": tuple(tool["function"]["name"] for tool in tools)})

    async def _astream(
        self, messages: list[BaseMessage], *args: Any, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        number, call = number_of(messages), None
        if messages[-1].type != "tool":
            call = CALLS[number % len(CALLS)]
        if call is None or call[0] not in self.offered:
            async for chunk in super()._astream(messages):
                yield chunk
            return
        for word in ("Let", "me", "see.") if number % 3 else ():
            await asyncio.sleep(TOKEN_S)
            yield ChatGenerationChunk(message=AIMessageChunk(content=f"{word} "))
        name, arguments = call
        part: Any = {"name": name, "args": json.dumps(arguments), "id": f"call_{number}", "index": 0}
        yield ChatGenerationChunk(message=AIMessageChunk(content="", tool_call_chunks=[part]))


waiter = Agent(name="waiter", instructions="You take bookings.", tools=[find_tables, book_table, to_the_kitchen])
cook = Agent(name="cook", instructions="You tell what there is to eat.", tools=[find_tables, book_table])
