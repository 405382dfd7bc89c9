"""The graph that generates an answer: retrieve context → generate, with tools.

It appends nothing to the log: its caller is told everything that happens as one of `Out`, at once and within the same
task, so that the order of what is taken in and what is appended is not the scheduler's choice. Tools are run by the
caller too, which records them.
"""

import operator
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import wraps
from typing import Annotated, Any, ParamSpec, TypedDict, TypeVar

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command

from actors.reasoning.context import shortened
from actors.reasoning.fitting import Given, fitted_to, tokens_of
from actors.reasoning.learned import ReplyModels
from actors.reasoning.model_chunks import AskModel, ModelRequest, PromptTooLong
from actors.reasoning.model_stream import HalfClosed, ModelStream
from actors.reasoning.prompts import Background, context_of, own_words
from actors.reasoning.small_model.clock import CLOCK_CALL, clock_call, time_answer
from actors.reasoning.small_model.ready_answers import ready_answer
from actors.reasoning.tool_uses import Round, ToolUse
from actors.reasoning.written_calls import WrittenCall
from contracts.events import ContextMessage
from infra.agents.tool import Tool
from infra.engines.chain import EngineFailure
from infra.engines.llm import limits_of
from infra.engines.llm_ends import Finish
from infra.engines.tokens import Count
from infra.log.event_log import now_ns
from infra.process.error_text import error_text
from infra.telemetry.traces import span

MOST_RESULT_CHARS = 6_000
"""How much of a tool's result the model is given; the log has all of it."""
SHORTENED = "asked again with a shorter context"


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
    request: str = ""
    """Digest of what the model is sent, or would be if its answer were not known."""


@dataclass(frozen=True, slots=True)
class CallsFollow:
    """The model calls tools; they run once this is taken."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The answer is over."""

    finish: Finish


Out = Token | Retrieved | EngineFailure | CallsFollow | Ended


async def _unknown(_messages: Sequence[BaseMessage]) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Asked:
    """The input of one run of the graph."""

    question: str
    prompt: str
    gather: Callable[[], Awaitable[Background]]
    """What is known besides the question."""
    models: ReplyModels
    ask: AskModel
    run_tools: Callable[[Sequence[WrittenCall], int], Awaitable[Sequence[ToolUse]]]
    """Runs the calls of one message, the n-th with calls from 0; returns what came of each."""
    say: Callable[[Out], Awaitable[bool]]
    """Takes what happens, and returns whether to go on; not if the answer is long enough."""
    count: Count
    """Counts the tokens of texts."""
    answer_tokens: int
    """The most tokens an answer may have."""
    answer_known: Callable[[Sequence[BaseMessage]], Awaitable[str]] = _unknown
    """The first model's known answer to the same input, empty if there is none."""
    rounds: Sequence[Round] = ()
    """The calls that another process has made for this answer: the model continues after them."""
    written: str = ""
    """What is already written behind those: the model continues from there."""
    digest: Callable[[ModelRequest], str] = lambda request: ""
    """Returns the digest of a request."""
    tools: Mapping[str, Tool] = field(default_factory=dict)
    """What the agent can do."""
    is_handed_over: Callable[[], bool] = lambda: False
    """Returns whether another agent has taken over: the answer ends here, without an end."""
    takes_over: bool = False
    """Whether it goes on with the answer of another agent."""
    introduction: str = ""
    """What an agent of somebody's own says of itself, if its model is too small to know."""
    tool_rounds: int = 3
    """After this many rounds of tools the model has to answer with what it has."""

    @property
    def is_begun(self) -> bool:
        """Whether a part of the answer exists already."""
        return bool(self.written or self.rounds) or self.takes_over

    def tools_for(self, name: str) -> Sequence[Tool]:
        """Return the tools that the model of this name may call: none if it is too small for them."""
        return tuple(self.tools.values()) if limits_of(name).tools else ()


class _State(TypedDict, total=False):
    background: Background
    answer: str | None
    """What to say without asking a model, None if one is asked."""
    messages: Annotated[list[BaseMessage], operator.add]
    """Calls of tools and their results."""
    calls: list[WrittenCall]
    """The calls to run now."""
    rounds: int


_Next = Command[str]
"""What a node changes in the state, and the node that comes next."""

NodeP = ParamSpec("NodeP")
NodeResultT = TypeVar("NodeResultT")
_Node = Callable[NodeP, Coroutine[Any, Any, NodeResultT]]

Graph = CompiledStateGraph[_State, Asked, _State, _State]


def compile_graph() -> Graph:
    """Return the graph; it holds no state and serves any number of runs.

    Nodes say themselves what comes next: with conditional edges a run takes a quarter longer.
    """
    graph = StateGraph(_State, context_schema=Asked)
    graph.add_node("retrieve", in_span("retrieve", _retrieve), destinations=("say_again", "call_for_model", "generate"))
    graph.add_node("say_again", in_span("say_again", _say_again))
    graph.add_node("call_for_model", in_span("call_for_model", _call_for_model))
    graph.add_node("generate", in_span("generate", _generate), destinations=("tools", END))
    graph.add_node("tools", in_span("tools", _run_tools), destinations=("say_result", "generate", END))
    graph.add_node("say_result", in_span("say_result", _say_result))
    graph.add_edge(START, "retrieve")
    graph.add_edge("call_for_model", "tools")
    return graph.compile()


def in_span(name: str, node: _Node[NodeP, NodeResultT]) -> _Node[NodeP, NodeResultT]:
    """Return a node that runs as a span of the reply."""

    @wraps(node)
    async def traced(*given: NodeP.args, **named: NodeP.kwargs) -> NodeResultT:
        with span(f"node {name}"):
            return await node(*given, **named)

    return traced


async def answer_to(graph: Graph, asked: Asked) -> None:
    """Write the answer. Cancelling this stops the model at once. Raises what `asked.say` raises."""
    await graph.ainvoke({}, context=asked)


async def _retrieve(state: _State, runtime: Runtime[Asked]) -> _Next:
    asked = runtime.context
    background = await asked.gather()
    name = asked.models.first
    given = await _given(name, background, asked)
    ready = _ready_answer(asked, background)
    is_asked = ready is None and not asked.is_begun and _call_for(asked) is None
    cached = await asked.answer_known(given.messages(name)) if is_asked else ""
    context = context_of(name, given.prompt, given.background, given.question)
    request = ModelRequest(name, given.messages(name), asked.tools_for(name)) if is_asked and name else None
    digest = asked.digest(request) if request is not None else ""
    await asked.say(Retrieved(context, background.memories, background.recall_ms, bool(cached), digest))
    answer = ready if ready is not None else cached or None
    begun: _State = {
        "background": background,
        "answer": answer,
        "messages": made_messages(asked.rounds),
        "rounds": len(asked.rounds),
    }
    if answer is not None:
        return Command(update=begun, goto="say_again")
    return Command(update=begun, goto="call_for_model" if _call_for(asked) is not None else "generate")


def made_messages(rounds: Sequence[Round]) -> list[BaseMessage]:
    """Return the messages of calls that were made before, with what came of them."""
    messages: list[BaseMessage] = []
    for made in rounds:
        calls = [
            WrittenCall(use.called.call_id, use.called.tool, use.called.arguments, use.arguments) for use in made.uses
        ]
        messages += [_with_calls(made.text, calls), *map(_result, made.uses, calls)]
    return messages


def _is_for_small_model(asked: Asked) -> bool:
    return not (asked.models.names and limits_of(asked.models.first).tools)


def _call_for(asked: Asked) -> WrittenCall | None:
    """Return the call that answers a question to a model too small to call the tool itself, None if there is none."""
    if asked.written or not _is_for_small_model(asked):
        return None
    call = clock_call(asked.question)
    return call if call is not None and call.name in asked.tools else None


def _ready_answer(asked: Asked, background: Background) -> str | None:
    """Return the rest of the answer that is ready for a model too small to find it, None if there is none."""
    if asked.rounds or not _is_for_small_model(asked) or _call_for(asked) is not None:
        return None
    answer = ready_answer(
        asked.question, background.heard, background.memory, own_words(background), asked.introduction
    )
    return answer.removeprefix(asked.written) if answer and answer.startswith(asked.written) else None


async def _say_again(state: _State, runtime: Runtime[Asked]) -> _State:
    await runtime.context.say(Token(state["answer"] or "", now_ns()))
    await runtime.context.say(Ended("stop"))
    return {}


async def _call_for_model(state: _State, runtime: Runtime[Asked]) -> _State:
    call = _call_for(runtime.context)
    return _asking("", [call] if call is not None else [])


def _asking(text: str, calls: list[WrittenCall]) -> _State:
    """Return the model's message with tool calls. Unreadable arguments are left out: no provider accepts them."""
    return {"messages": [_with_calls(text, calls)], "calls": calls}


def _with_calls(text: str, calls: Sequence[WrittenCall]) -> AIMessage:
    asked = [{"name": call.name, "args": dict(call.arguments), "id": call.call_id} for call in calls]
    return AIMessage(text, tool_calls=asked)


def _result(use: ToolUse, call: WrittenCall) -> ToolMessage:
    text = shortened(use.text, MOST_RESULT_CHARS)
    return ToolMessage(text, tool_call_id=call.call_id, status="error" if use.failed else "success")


async def _say_result(state: _State, runtime: Runtime[Asked]) -> _State:
    result = str(state["messages"][-1].content)
    await runtime.context.say(Token(time_answer(runtime.context.question, result), now_ns()))
    await runtime.context.say(Ended("stop"))
    return {}


async def _run_tools(state: _State, runtime: Runtime[Asked]) -> _Next:
    calls = state["calls"]
    results = [*map(_result, await runtime.context.run_tools(calls, state["rounds"]), calls)]
    made: _State = {"messages": [*results], "rounds": state["rounds"] + 1, "calls": []}
    if runtime.context.is_handed_over():
        return Command(update=made, goto=END)
    return Command(update=made, goto="say_result" if results[-1].tool_call_id == CLOCK_CALL else "generate")


async def _generate(state: _State, runtime: Runtime[Asked]) -> _Next:
    """Stream from the first model that works; one that breaks off is continued by the next."""
    asked = runtime.context
    generating = _Generating(state, asked)
    async with aclosing(asked.models.chain.parts(asked.models.names, generating.attempt)) as parts:
        async for part in parts:
            if not await asked.say(part if isinstance(part, EngineFailure) else Token(part, now_ns())):
                return Command(goto=END)
    if generating.calls:
        await asked.say(CallsFollow())
        return Command(update=_asking(generating.said, generating.calls), goto="tools")
    await asked.say(Ended(generating.finish))
    return Command(goto=END)


class _Generating:
    """One round of an answer. `said` is the text of the model that ended it; `calls` are the tools it calls."""

    def __init__(self, state: _State, asked: Asked) -> None:
        self.said = ""
        self.calls: list[WrittenCall] = []
        self.finish: Finish = "broken-off"
        self._state = state
        self._asked = asked
        self._written = asked.written if state["rounds"] == len(asked.rounds) else ""
        self._messages: list[BaseMessage] = []

    async def attempt(self, name: str) -> AsyncGenerator[str | EngineFailure, None]:
        """Yield what one model writes. If it refuses its prompt as too long, it is asked once more, with less."""
        try:
            async with aclosing(self._texts(name)) as texts:
                async for text in texts:
                    yield text
            return
        except PromptTooLong as error:
            asked = self._asked
            tokens = await tokens_of(name, [each.text for each in self._messages], asked.count)
            asked.models.learn_limit(name, tokens // 2)
            yield EngineFailure(name, error_text(error), SHORTENED, name)
        async with aclosing(self._texts(name)) as texts:
            async for text in texts:
                yield text

    async def _texts(self, name: str) -> AsyncGenerator[str, None]:
        asked = self._asked
        self.finish = "broken-off"
        stream = ModelStream(asked.ask, self._written, asked.models.begins_in_thought(name))
        self._messages = await _messages(name, self._state, asked, self._written)
        tools = asked.tools_for(name) if self._state["rounds"] < asked.tool_rounds else ()
        try:
            async for text in stream.texts(ModelRequest(name, self._messages, tools)):
                yield text
        except Exception as error:
            self.finish = "half-closed" if isinstance(error, HalfClosed) else "broken-off"
            raise
        finally:
            self._written += stream.said  # the next model continues from there
        if stream.begins_in_thought:
            asked.models.learn_thought(name)
        self.said, self.finish = stream.said, stream.finish
        self.calls = stream.calls(asked.tools) if tools else []


async def _given(name: str, background: Background, asked: Asked, reserved: Sequence[str] = ()) -> Given:
    """Return the input of the model of this name, as much as fits."""
    given = Given(asked.prompt, background, asked.question)
    return await fitted_to(name, given, asked.count, asked.answer_tokens, reserved, asked.models.most_tokens(name))


async def _messages(name: str, state: _State, asked: Asked, written: str) -> list[BaseMessage]:
    after = [*state.get("messages", []), *([AIMessage(written)] if written else [])]
    given = await _given(name, state["background"], asked, [message.text for message in after])
    return [*given.messages(name), *after]
