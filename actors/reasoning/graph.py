"""The graph that makes an answer: retrieve context → generate, with tools.

It says nothing to the log itself: what happens comes out of the stream as `Token`, `Retrieved`, `ModelFailed` and
`GaveUp`, and tools are run by the caller of the graph, who keeps the record.
"""

import asyncio
import contextlib
import operator
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypedDict

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, ToolMessage
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from actors.reasoning.prompts import Background, context_of, prompt_messages
from actors.reasoning.tools import CURRENT_TIME, TOOLS, time_answer, time_question
from contracts.events import ContextMessage
from infra.engines.llm import limits_of
from infra.facts import now_ns

TOOL_ROUNDS = 3
"""After so many rounds of tools the model has to answer with what it has."""


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the answer, `at_ns` when it came."""

    text: str
    at_ns: int


@dataclass(frozen=True, slots=True)
class Retrieved:
    """The context that the first model is given; `cached` if it gave the answer before and is not asked."""

    messages: tuple[ContextMessage, ...]
    memories: tuple[str, ...] = ()
    recall_ms: float | None = None
    cached: bool = False


@dataclass(frozen=True, slots=True)
class ModelFailed:
    """A model raised or hung."""

    model: str
    error: str
    action: str


@dataclass(frozen=True, slots=True)
class GaveUp:
    """No model is left."""


Out = Token | Retrieved | ModelFailed | GaveUp
MakeModel = Callable[[], Awaitable[BaseChatModel]]


async def _unknown(_messages: Sequence[BaseMessage]) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What one run of the graph is about."""

    question: str
    prompt: str
    gather: Callable[[], Awaitable[Background]]
    """What is known besides the question."""
    models: Sequence[tuple[str, MakeModel]]
    run_tool: Callable[[str, Mapping[str, Any]], Awaitable[str]]
    timeout_s: float
    answer_known: Callable[[Sequence[BaseMessage]], Awaitable[str]] = _unknown
    """The answer that the first model gave to the same before, empty if there is none."""
    written: str = ""
    """What of the answer has been written already: the model goes on from there."""


class _State(TypedDict, total=False):
    background: Background
    answer: str
    messages: Annotated[list[BaseMessage], operator.add]
    """Calls of tools and their results."""
    rounds: int
    is_over: bool


Graph = CompiledStateGraph[_State, Asked, _State, _State]


def compile_graph() -> Graph:
    """Return the graph; it holds no state and serves any number of runs."""
    graph = StateGraph(_State, context_schema=Asked)
    graph.add_node("retrieve", _retrieve)
    graph.add_node("say_again", _say_again)
    graph.add_node("ask_time", _ask_time)
    graph.add_node("generate", _generate)
    graph.add_node("tools", _run_tools)
    graph.add_node("tell_time", _tell_time)
    graph.add_edge(START, "retrieve")
    graph.add_conditional_edges("retrieve", _route, ["say_again", "ask_time", "generate"])
    graph.add_edge("say_again", END)
    graph.add_edge("ask_time", "tools")
    graph.add_conditional_edges("generate", _after_generate, ["tools", END])
    graph.add_conditional_edges("tools", _after_tools, ["tell_time", "generate"])
    graph.add_edge("tell_time", END)
    return graph.compile()


async def answers(graph: Graph, asked: Asked) -> AsyncIterator[Out]:
    """Yield what the answer is made of, as it comes. Closing the iterator stops the model at once."""
    async for out in graph.astream({}, context=asked, stream_mode="custom"):
        assert isinstance(out, Out)
        yield out


async def _retrieve(state: _State, runtime: Runtime[Asked]) -> _State:
    asked = runtime.context
    background = await asked.gather()
    name = asked.models[0][0] if asked.models else ""
    answer = ""
    if not asked.written and not _is_for_clock(asked):
        answer = await asked.answer_known(prompt_messages(name, asked.prompt, background, asked.question))
    context = context_of(name, asked.prompt, background, asked.question)
    runtime.stream_writer(Retrieved(context, background.memories, background.recall_ms, bool(answer)))
    return {"background": background, "answer": answer, "rounds": 0, "is_over": False}


def _calls_tools(asked: Asked) -> bool:
    return bool(asked.models) and limits_of(asked.models[0][0]).tools


def _is_for_clock(asked: Asked) -> bool:
    """Tell whether it is a question for the time, and the model too small to ask the clock itself."""
    return not _calls_tools(asked) and not asked.written and time_question(asked.question) is not None


def _route(state: _State, runtime: Runtime[Asked]) -> str:
    if state["answer"]:
        return "say_again"
    return "ask_time" if _is_for_clock(runtime.context) else "generate"


async def _say_again(state: _State, runtime: Runtime[Asked]) -> _State:
    runtime.stream_writer(Token(state["answer"], now_ns()))
    return {}


async def _ask_time(state: _State, runtime: Runtime[Asked]) -> _State:
    arguments = time_question(runtime.context.question) or {}
    return {"messages": [AIMessage("", tool_calls=[{"name": CURRENT_TIME.name, "args": arguments, "id": "clock"}])]}


async def _tell_time(state: _State, runtime: Runtime[Asked]) -> _State:
    result = str(state["messages"][-1].content)
    runtime.stream_writer(Token(time_answer(runtime.context.question, result), now_ns()))
    return {}


async def _run_tools(state: _State, runtime: Runtime[Asked]) -> _State:
    last = state["messages"][-1]
    assert isinstance(last, AIMessage)
    results: list[BaseMessage] = []
    for call in last.tool_calls:
        result = await runtime.context.run_tool(call["name"], call["args"])
        results.append(ToolMessage(result, tool_call_id=call["id"] or ""))
    return {"messages": results, "rounds": state["rounds"] + 1}


def _after_tools(state: _State) -> str:
    last = state["messages"][-1]
    return "tell_time" if isinstance(last, ToolMessage) and last.tool_call_id == "clock" else "generate"


def _after_generate(state: _State) -> str:
    last = state["messages"][-1] if state.get("messages") else None
    return "tools" if not state["is_over"] and isinstance(last, AIMessage) and last.tool_calls else END


async def _generate(state: _State, runtime: Runtime[Asked]) -> _State:
    """Stream from the first model that works; one that breaks off is continued by the next."""
    asked, write = runtime.context, runtime.stream_writer
    written = asked.written if state["rounds"] == 0 else ""
    for place, (name, make) in enumerate(asked.models):
        continuation = Continuation(written)
        full: AIMessageChunk | None = None
        try:
            model = await make()
            async for chunk in _chunks(name, model, _messages(name, state, asked, written), state, asked.timeout_s):
                full = chunk if full is None else full + chunk
                if text := continuation.feed(chunk.text):
                    written += text
                    write(Token(text, now_ns()))
        except Exception as error:  # engines raise of their own: any failure means the next one
            is_last = place == len(asked.models) - 1
            action = "apologised" if is_last else f"went on with {asked.models[place + 1][0]}"
            write(ModelFailed(name, f"{type(error).__name__}: {error}"[:500], action))
            continue
        calls = full.tool_calls if full is not None else []
        asking: list[BaseMessage] = [AIMessage(full.text, tool_calls=calls)] if full is not None and calls else []
        return {"messages": asking, "is_over": not calls}
    write(GaveUp())
    return {"is_over": True}


def _messages(name: str, state: _State, asked: Asked, written: str) -> list[BaseMessage]:
    messages = prompt_messages(name, asked.prompt, state["background"], asked.question) + state.get("messages", [])
    if written:
        messages.append(AIMessage(written))
    return messages


async def _chunks(
    name: str, model: BaseChatModel, messages: list[BaseMessage], state: _State, timeout_s: float
) -> AsyncIterator[AIMessageChunk]:
    """Yield the model's chunks. Raises TimeoutError if it is silent for too long."""
    bound: Any = model
    if limits_of(name).tools and state["rounds"] < TOOL_ROUNDS:
        with contextlib.suppress(NotImplementedError):
            bound = model.bind_tools([tool.schema() for tool in TOOLS.values()])
    stream = bound.astream(messages)
    try:
        while True:
            try:
                # Not wait_for: in Python 3.11 it loses a cancellation that comes together with a chunk.
                async with asyncio.timeout(timeout_s):
                    chunk = await anext(stream)
            except StopAsyncIteration:
                return
            except TimeoutError as error:
                raise TimeoutError(f"silent for {timeout_s:g} s") from error
            yield chunk
    finally:
        await stream.aclose()


class Continuation:
    """Strips what a model says again of an answer that it was asked to go on with."""

    def __init__(self, written: str) -> None:
        self._said = "".join(written.split())
        self._pending = ""

    def feed(self, text: str) -> str:
        """Take more of the model's text; return what is new of it."""
        if not self._said:
            return text
        self._pending += text
        squeezed = "".join(self._pending.split())
        if self._said.startswith(squeezed):
            return ""  # so far it repeats; nothing is certain yet
        return self._settle(squeezed)

    def _settle(self, squeezed: str) -> str:
        pending, said = self._pending, self._said
        self._pending = self._said = ""
        if not squeezed.startswith(said):
            return pending
        left = len(said)
        for place, character in enumerate(pending):
            if left == 0:
                return pending[place:]
            left -= not character.isspace()
        return ""
