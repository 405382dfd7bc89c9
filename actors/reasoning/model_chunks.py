"""What a model is asked, and the pieces of its answer as they are noted on the tape and handed to the code."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, ToolMessage
from langchain_core.messages.tool import ToolCallChunk

from actors.reasoning.model_figures import ModelFigures
from infra.agents.tool import Tool
from infra.engines.chain import EngineRaised, EngineTooSlow, never_silent_for
from infra.engines.llm_ends import ends_in, is_context_error
from infra.process.error_text import error_text
from infra.process.tasks import CancelledElsewhere, own_cancellation_only
from infra.tape.tape import Packing, Plain

MakeModel = Callable[[], Awaitable[BaseChatModel]]


class PromptTooLong(EngineRaised):
    """The model refused its prompt because it is too long."""


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """What the model of this name is asked."""

    name: str
    messages: Sequence[BaseMessage]
    tools: Sequence[Tool] = ()
    """Those that it may call."""

    def plain(self, options: Mapping[str, object]) -> Plain:
        """Return all that the answer depends on, the model's options included."""
        tools = [tool.schema() for tool in self.tools]
        messages = [plain_message(message) for message in self.messages]
        return {"model": self.name, "options": options, "messages": messages, "tools": tools}


@dataclass(frozen=True, slots=True)
class Begun:
    """The model exists and is asked; `kind` is LangChain's name of its class."""

    kind: str


@dataclass(frozen=True, slots=True)
class ModelChunk:
    """A piece of an answer: its text, parts of tool calls and of a refusal, and how the stream ended if it says so."""

    text: str = ""
    calls: Sequence[ToolCallChunk] = ()
    refusal: str = ""
    ends: Mapping[str, Any] = field(default_factory=dict)
    """Those entries of its metadata that say how it ended."""

    @property
    def is_empty(self) -> bool:
        """Whether it says nothing."""
        return not (self.text or self.calls or self.refusal or self.ends)


Part = Begun | ModelChunk
AskModel = Callable[[ModelRequest], AsyncGenerator[Part, None]]


def asked_after(event: asyncio.Event, ask: AskModel) -> AskModel:
    """Return a function that asks likewise, but not before the event is set."""

    async def asked(request: ModelRequest) -> AsyncGenerator[Part, None]:
        await event.wait()
        async with aclosing(ask(request)) as parts:
            async for part in parts:
                yield part

    return asked


async def chunks(make: MakeModel, request: ModelRequest, timeout_s: float) -> AsyncGenerator[Part, None]:
    """Yield a model's answer.

    Raises EngineTooSlow if it is silent for too long, CancelledElsewhere, PromptTooLong, and EngineRaised for
    whatever else the provider raises.
    """
    try:
        with own_cancellation_only():
            model = await make()
            yield Begun(model._llm_type)
            figures = ModelFigures(request.name)
            async with aclosing(_streamed(model, request)) as stream:
                with figures.measured():
                    async for message in never_silent_for(timeout_s, stream):
                        figures.take(message)
                        if not (chunk := chunk_of(message)).is_empty:
                            yield chunk
    except (EngineTooSlow, CancelledElsewhere):
        raise
    except Exception as error:  # providers raise their own
        raised = PromptTooLong if is_context_error(error) else EngineRaised
        raise raised(error_text(error)) from error


async def _streamed(model: BaseChatModel, request: ModelRequest) -> AsyncGenerator[AIMessageChunk, None]:
    bound: Any = model
    if request.tools:
        with suppress(NotImplementedError):
            bound = model.bind_tools([tool.schema() for tool in request.tools])
    async with aclosing(bound.astream(list(request.messages))) as stream:
        async for message in stream:
            yield message


def chunk_of(message: AIMessageChunk) -> ModelChunk:
    """Return what of a model's chunk is read."""
    calls = tuple(message.tool_call_chunks)
    return ModelChunk(message.text, calls, refusal_in(message), ends_in(message.response_metadata))


def refusal_in(message: AIMessageChunk) -> str:
    """Return a chunk's part of a refusal, which is not in its text."""
    said = str(message.additional_kwargs.get("refusal") or "")
    for block in message.content if isinstance(message.content, list) else ():
        if isinstance(block, dict) and block.get("type") == "refusal":
            said += str(block.get("refusal") or "")
    return said


def plain_message(message: BaseMessage) -> Plain:
    """Return all of a message that an answer depends on."""
    calls = message.tool_calls if isinstance(message, AIMessage) else []
    answers = [message.tool_call_id, message.status] if isinstance(message, ToolMessage) else []
    return [message.type, message.content, [[call["id"], call["name"], call["args"]] for call in calls], answers]


def _packed(part: Part) -> Plain:
    if isinstance(part, Begun):
        return {"kind": part.kind}
    if not (part.calls or part.refusal or part.ends):
        return part.text
    calls = [[call.get("index"), call.get("name"), call.get("id"), call.get("args")] for call in part.calls]
    return [part.text, calls, part.refusal, dict(part.ends)]


def _unpacked(packed: Plain) -> Part:
    if isinstance(packed, dict):
        return Begun(packed["kind"])
    if isinstance(packed, str):
        return ModelChunk(packed)
    text, calls, refusal, ends = packed
    pieces = [ToolCallChunk(index=index, name=name, id=call_id, args=args) for index, name, call_id, args in calls]
    return ModelChunk(text, tuple(pieces), refusal, ends)


PARTS: Packing[Part] = Packing(_packed, _unpacked, (EngineTooSlow, CancelledElsewhere, PromptTooLong, EngineRaised))
