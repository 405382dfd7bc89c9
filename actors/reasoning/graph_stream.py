"""What a graph of an agent's own does, as it streams: what it says, and the tools that it calls.

A call of a tool waits until it is released: it is stored before it runs, and never runs for a draft. So the graph is
run by a task of its own, and its tools tell by a callback, wherever in the graph they are.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from langchain_core.callbacks import AsyncCallbackHandler
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage

from actors.reasoning.graph_figures import GraphFigures
from actors.reasoning.graph_spans import GraphSpans
from infra.engines.chain import EngineRaised, EngineTooSlow, never_silent_for
from infra.process.error_text import error_text
from infra.process.exits import contained
from infra.process.tasks import CancelledElsewhere, ended, own_cancellation_only
from infra.tape.tape import Packing, Plain

WAITING = 64
"""How many parts wait at most."""
TURNS = 8
"""After so many turns of the loop what the graph has written before a call has come out of it."""
RESULT_CHARS = 100_000


@dataclass(frozen=True, slots=True)
class Said:
    """A piece of a message; `message` numbers the messages."""

    text: str
    message: int


@dataclass(frozen=True, slots=True)
class Called:
    """A tool is about to run; `arguments` are JSON."""

    call: int
    tool: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Returned:
    """A tool has returned, or raised `error`."""

    call: int
    result: str
    error: str = ""


GraphPart = Said | Called | Returned


class GraphStream:
    """One run of a compiled graph."""

    def __init__(
        self, graph: Any, messages: Sequence[BaseMessage], config: Mapping[str, Any], timeout_s: float
    ) -> None:
        self._graph = graph
        self._messages = list(messages)
        self._config = dict(config)
        self._timeout_s = timeout_s
        self._parts: asyncio.Queue[GraphPart | None] = asyncio.Queue(WAITING)
        self._released: dict[int, asyncio.Event] = {}
        self._ids: dict[str, int] = {}

    def release(self, call: int) -> None:
        """Let a tool run."""
        if call in self._released:
            self._released[call].set()

    async def parts(self) -> AsyncGenerator[GraphPart, None]:
        """Yield what the graph does. Raises EngineTooSlow if it is silent for too long, else EngineRaised."""
        running = asyncio.create_task(self._run(), name="graph of an agent")
        try:
            async with aclosing(never_silent_for(self._timeout_s, self._taken())) as parts:
                async for part in parts:
                    yield part
            with own_cancellation_only():
                await running
        except (EngineTooSlow, CancelledElsewhere):
            raise
        except Exception as error:  # nodes raise whatever they like
            raise EngineRaised(error_text(error)) from error
        finally:
            await ended(running)

    async def _taken(self) -> AsyncGenerator[GraphPart, None]:
        while (part := await self._parts.get()) is not None:
            yield part

    async def _run(self) -> None:
        try:
            # A node that calls sys.exit() is not to end the reasoning of all sessions.
            await contained(self._stream())
        finally:
            await self._parts.put(None)

    async def _stream(self) -> None:
        spans = GraphSpans()
        config = self._config | {"callbacks": [_Tools(self, spans), spans, GraphFigures()]}
        asked = {"messages": self._messages}
        stream = self._graph.astream(asked, config, stream_mode=["messages"], subgraphs=True)
        async with aclosing(stream) as steps:
            async for _, _, (message, _) in steps:
                if isinstance(message, AIMessage | AIMessageChunk) and message.text:
                    await self._parts.put(Said(message.text, self._number(message.id)))

    def _number(self, message_id: str | None) -> int:
        return self._ids.setdefault(message_id or f"unnamed {len(self._ids)}", len(self._ids))

    async def called(self, tool: str, arguments: str) -> int:
        """Tell that a tool is to run, and return its number when it may."""
        for _ in range(TURNS):
            await asyncio.sleep(0)
        call = len(self._released)
        self._released[call] = asyncio.Event()
        await self._parts.put(Called(call, tool, arguments))
        await self._released[call].wait()
        return call

    async def returned(self, call: int, result: str, error: str = "") -> None:
        """Tell what came of it."""
        await self._parts.put(Returned(call, result[:RESULT_CHARS], error))


class _Tools(AsyncCallbackHandler):
    """Is told of the tools of a graph by LangChain."""

    raise_error = True
    run_inline = True

    def __init__(self, stream: GraphStream, spans: GraphSpans) -> None:
        self._stream = stream
        self._spans = spans
        self._loop = asyncio.get_running_loop()
        self._calls: dict[UUID, int] = {}

    async def on_tool_start(
        self,
        serialized: dict[str, Any],
        input_str: str,
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        inputs: Any = None,
        **_: Any,
    ) -> None:
        tool = str((serialized or {}).get("name") or "")
        arguments = json.dumps(inputs, default=str) if isinstance(inputs, dict) else json.dumps({"input": input_str})
        self._calls[run_id] = await self._here(self._stream.called(tool, arguments))
        self._spans.tool_begins(tool or "tool", run_id, parent_run_id)

    async def on_tool_end(self, output: Any, *, run_id: UUID, **_: Any) -> None:
        self._spans.tool_ended(run_id)
        text = output.text if isinstance(output, BaseMessage) else str(output)
        failed = getattr(output, "status", "") == "error"
        await self._tell(run_id, "" if failed else text, text if failed else "")

    async def on_tool_error(self, error: BaseException, *, run_id: UUID, **_: Any) -> None:
        self._spans.tool_ended(run_id, error)
        await self._tell(run_id, "", error_text(error))

    async def _tell(self, run_id: UUID, result: str, error: str) -> None:
        if (call := self._calls.pop(run_id, None)) is not None:
            await self._here(self._stream.returned(call, result, error))

    async def _here(self, work: Any) -> Any:
        """Do it in the loop of the stream: a node that is no coroutine runs in a thread."""
        if asyncio.get_running_loop() is self._loop:
            return await work
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))


def _packed(part: GraphPart) -> Plain:
    match part:
        case Said():
            return [part.message, part.text]
        case Called():
            return ["called", part.call, part.tool, part.arguments]
        case Returned():
            return ["returned", part.call, part.result, part.error]


def _unpacked(packed: Plain) -> GraphPart:
    match packed:
        case ["called", call, tool, arguments]:
            return Called(call, tool, arguments)
        case ["returned", call, result, error]:
            return Returned(call, result, error)
        case [message, text]:
            return Said(text, message)
    raise ValueError(f"no part of a graph: {packed!r}")


GRAPH_PARTS: Packing[GraphPart] = Packing(_packed, _unpacked, (EngineTooSlow, CancelledElsewhere, EngineRaised))
