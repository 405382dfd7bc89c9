"""The graph that generates an answer: retrieve context → generate, with tools.

It appends nothing to the log: everything that happens is yielded as one of `Out`, and tools are run by the
caller of the graph, which records them.
"""

import asyncio
import operator
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Annotated, TypedDict

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from actors.reasoning.context import shortened
from actors.reasoning.fitting import Given, fitted_to, tokens_of
from actors.reasoning.model_stream import HalfClosed, ModelStream
from actors.reasoning.prompts import Background, context_of
from actors.reasoning.tools import CURRENT_TIME, time_answer, time_question
from actors.reasoning.written_calls import WrittenCall
from contracts.events import ContextMessage
from infra.engines.chain import EngineFailure, FallbackChain, TimedRests, error_text
from infra.engines.llm import limits_of
from infra.engines.llm_ends import Finish, is_context_error
from infra.engines.tokens import Count
from infra.log.event_log import now_ns

TOOL_ROUNDS = 3
"""After this many rounds of tools the model has to answer with what it has."""
MOST_RESULT_CHARS = 6_000
"""How much of a tool's result the model is given; the log has all of it."""
REST_S = 15.0
"""How long a model that failed is tried only after the others."""
SHORTENED = "asked again with a shorter context"
CLOCK_CALL = "clock"
"""Names the call of the clock that a model too small for tools did not write itself."""


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the answer, `at_ns` when it came."""

    text: str
    at_ns: int


@dataclass(frozen=True, slots=True)
class Retrieved:
    """The context of the first model; `cached` if its answer is known and no request is made."""

    messages: tuple[ContextMessage, ...]
    memories: tuple[str, ...] = ()
    recall_ms: float | None = None
    cached: bool = False


@dataclass(frozen=True, slots=True)
class CallsFollow:
    """The model calls tools; they run once the text before them is appended and `is_said` is set."""

    is_said: asyncio.Event


@dataclass(frozen=True, slots=True)
class Ended:
    """The answer is over."""

    finish: Finish


Out = Token | Retrieved | EngineFailure | CallsFollow | Ended
MakeModel = Callable[[], Awaitable[BaseChatModel]]


async def _unknown(_messages: Sequence[BaseMessage]) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Learned:
    """What was learned about models, by name, while they answered; shared within one copy of the actor."""

    in_thought: set[str] = field(default_factory=set)
    """Models that begin their answers within a thought."""
    most_tokens: dict[str, int] = field(default_factory=dict)
    """Limits of models that refused a prompt as too long: half of it."""
    chain: FallbackChain = field(default_factory=lambda: FallbackChain(TimedRests(REST_S), "went on with {}", ""))
    """Models that rest after a failure. The writer of the reply records what is done when all have failed."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The input of one run of the graph."""

    question: str
    prompt: str
    gather: Callable[[], Awaitable[Background]]
    """What is known besides the question."""
    models: Sequence[tuple[str, MakeModel]]
    run_tool: Callable[[WrittenCall], Awaitable[str]]
    timeout_s: float
    count: Count
    """Counts the tokens of texts."""
    answer_tokens: int
    """The most tokens an answer may have."""
    answer_known: Callable[[Sequence[BaseMessage]], Awaitable[str]] = _unknown
    """The first model's known answer to the same input, empty if there is none."""
    written: str = ""
    """The part of the answer that is already written: the model continues from there."""
    learned: Learned = field(default_factory=Learned)


class _State(TypedDict, total=False):
    background: Background
    answer: str
    messages: Annotated[list[BaseMessage], operator.add]
    """Calls of tools and their results."""
    calls: list[WrittenCall]
    """The calls to run now."""
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
    """Yield the parts of the answer as they come. Closing the iterator stops the model at once."""
    async for out in graph.astream({}, context=asked, stream_mode="custom"):
        assert isinstance(out, Out)
        yield out


async def _retrieve(state: _State, runtime: Runtime[Asked]) -> _State:
    asked = runtime.context
    background = await asked.gather()
    name = asked.models[0][0] if asked.models else ""
    answer = ""
    given = await _given(name, background, asked)
    if not asked.written and not _is_for_clock(asked):
        answer = await asked.answer_known(given.messages(name))
    context = context_of(name, given.prompt, given.background, given.question)
    runtime.stream_writer(Retrieved(context, background.memories, background.recall_ms, bool(answer)))
    return {"background": background, "answer": answer, "rounds": 0, "is_over": False}


def _calls_tools(asked: Asked) -> bool:
    return bool(asked.models) and limits_of(asked.models[0][0]).tools


def _is_for_clock(asked: Asked) -> bool:
    """Return whether it asks for the time and the model is too small to call the clock itself."""
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
    return _asking("", [WrittenCall(CLOCK_CALL, CURRENT_TIME.name, "", arguments)])


def _asking(text: str, calls: list[WrittenCall]) -> _State:
    """Return the model's message with tool calls. Unreadable arguments are left out: no provider accepts them."""
    asked = [{"name": call.name, "args": dict(call.arguments), "id": call.call_id} for call in calls]
    return {"messages": [AIMessage(text, tool_calls=asked)], "calls": calls, "is_over": False}


async def _tell_time(state: _State, runtime: Runtime[Asked]) -> _State:
    result = str(state["messages"][-1].content)
    runtime.stream_writer(Token(time_answer(runtime.context.question, result), now_ns()))
    return {}


async def _run_tools(state: _State, runtime: Runtime[Asked]) -> _State:
    results: list[BaseMessage] = []
    for call in state["calls"]:
        result = shortened(await runtime.context.run_tool(call), MOST_RESULT_CHARS)
        results.append(ToolMessage(result, tool_call_id=call.call_id, status="error" if call.error else "success"))
    return {"messages": results, "rounds": state["rounds"] + 1, "calls": []}


def _after_tools(state: _State) -> str:
    last = state["messages"][-1]
    return "tell_time" if isinstance(last, ToolMessage) and last.tool_call_id == CLOCK_CALL else "generate"


def _after_generate(state: _State) -> str:
    return END if state["is_over"] else "tools"


async def _generate(state: _State, runtime: Runtime[Asked]) -> _State:
    """Stream from the first model that works; one that breaks off is continued by the next."""
    asked, write = runtime.context, runtime.stream_writer
    generating = _Generating(state, asked)
    async with aclosing(asked.learned.chain.parts([name for name, _ in asked.models], generating.attempt)) as parts:
        async for part in parts:
            write(part if isinstance(part, EngineFailure) else Token(part, now_ns()))
    if generating.calls:
        await _said_before_calls(write)
        return _asking(generating.said, generating.calls)
    write(Ended(generating.finish))
    return {"is_over": True}


class _Generating:
    """One round of an answer. `said` is the text of the model that ended it; `calls` are the tools it calls."""

    def __init__(self, state: _State, asked: Asked) -> None:
        self.said = ""
        self.calls: list[WrittenCall] = []
        self.finish: Finish = "broken-off"
        self._state = state
        self._asked = asked
        self._written = asked.written if state["rounds"] == 0 else ""
        self._messages: list[BaseMessage] = []

    async def attempt(self, name: str) -> AsyncGenerator[str | EngineFailure, None]:
        """Yield what one model writes. If it refuses its prompt as too long, it is asked once more, with less."""
        try:
            async with aclosing(self._texts(name)) as texts:
                async for text in texts:
                    yield text
            return
        except Exception as error:  # providers raise their own
            if not is_context_error(error):
                raise
            asked = self._asked
            tokens = await tokens_of(name, [each.text for each in self._messages], asked.count)
            asked.learned.most_tokens[name] = tokens // 2
            yield EngineFailure(name, error_text(error), SHORTENED, name)
        async with aclosing(self._texts(name)) as texts:
            async for text in texts:
                yield text

    async def _texts(self, name: str) -> AsyncGenerator[str, None]:
        asked = self._asked
        self.finish = "broken-off"
        stream = ModelStream(await dict(asked.models)[name](), self._written, name in asked.learned.in_thought)
        self._messages = await _messages(name, self._state, asked, self._written)
        may_call = limits_of(name).tools and self._state["rounds"] < TOOL_ROUNDS
        try:
            async for text in stream.texts(self._messages, may_call, asked.timeout_s):
                yield text
        except Exception as error:  # providers raise their own
            self.finish = "half-closed" if isinstance(error, HalfClosed) else "broken-off"
            raise
        finally:
            self._written += stream.said  # the next model continues from there
        if stream.begins_in_thought:
            asked.learned.in_thought.add(name)
        self.said, self.finish = stream.said, stream.finish
        self.calls = stream.calls() if may_call else []


async def _said_before_calls(write: Callable[[Out], None]) -> None:
    is_said = asyncio.Event()
    write(CallsFollow(is_said))
    await is_said.wait()


async def _given(name: str, background: Background, asked: Asked, reserved: Sequence[str] = ()) -> Given:
    """Return the input of the model of this name, as much as fits."""
    given = Given(asked.prompt, background, asked.question)
    return await fitted_to(name, given, asked.count, asked.answer_tokens, reserved, asked.learned.most_tokens.get(name))


async def _messages(name: str, state: _State, asked: Asked, written: str) -> list[BaseMessage]:
    after = [*state.get("messages", []), *([AIMessage(written)] if written else [])]
    given = await _given(name, state["background"], asked, [message.text for message in after])
    return [*given.messages(name), *after]
