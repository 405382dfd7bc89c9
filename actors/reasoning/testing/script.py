"""What a model says in a test: a script, one step for each request."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.chat_models import generate_from_stream
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.messages.tool import ToolCallChunk
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import PrivateAttr

from actors.reasoning.testing.faults import Fail, Hang, Part

TOKEN_S = 0.03
"""Time for each piece of a model's answer, in the conversation's own time."""
_TOKENS = re.compile(r"(?:\s*\S+){1,3}\s*$|(?:\s*\S+){1,3}")
"""Pieces of three words: models write smaller ones, which would only take longer."""


@dataclass(frozen=True, slots=True)
class Say(Part):
    """The model says this, a few words at a time."""

    text: str


@dataclass(frozen=True, slots=True, init=False)
class CallTool(Part):
    """The model calls a tool with these arguments: `CallTool("book_table", table="4")`.

    `CallTool.written("book_table", '{"table": ')` calls it with arguments exactly as they are written.
    """

    tool: str
    arguments: str

    def __init__(self, tool: str, /, **arguments: object) -> None:
        object.__setattr__(self, "tool", tool)
        object.__setattr__(self, "arguments", json.dumps(arguments, default=str))

    @classmethod
    def written(cls, tool: str, arguments: str) -> "CallTool":
        """Return a call whose arguments are this text, valid or not."""
        call = cls(tool)
        object.__setattr__(call, "arguments", arguments)
        return call


Step: TypeAlias = Part | Sequence[Part]
"""The answer to one request: one part, or several: `[Say("One moment."), CallTool("find_tables", day="today")]`."""
Script: TypeAlias = Sequence[Step] | Callable[[Sequence[BaseMessage]], Step]
"""The answers one after the other, or a function from the messages that the model is given."""


class ScriptOver(AssertionError):
    """The model was asked once more than its script has steps."""


@dataclass(slots=True)
class PlayedScript:
    """A script, and how far it was played; several copies of a process ask the same one."""

    script: Script
    asked: list[list[BaseMessage]] = field(default_factory=list)
    """The messages of every request."""
    tools: list[str] = field(default_factory=list)
    """Names of the tools that the model was offered last."""
    over: ScriptOver | None = None

    def step(self, messages: list[BaseMessage]) -> Sequence[Part]:
        """Return the answer to the next request. Raises ScriptOver."""
        self.asked.append(messages)
        if callable(self.script):
            step = self.script(messages)
        elif len(self.asked) > len(self.script):
            last = messages[-1].text if messages else ""
            self.over = self.over or ScriptOver(
                f"the model was asked for answer {len(self.asked)}, but its script has {len(self.script)}; "
                f"it was asked about: {last[:200]!r}"
            )
            raise self.over
        else:
            step = self.script[len(self.asked) - 1]
        return step if isinstance(step, Sequence) else (step,)

    @property
    def unused(self) -> Sequence[Step]:
        """The steps that no request asked for."""
        return () if callable(self.script) else self.script[len(self.asked) :]


class ScriptedModel(BaseChatModel):
    """A chat model that plays a script."""

    _played: PlayedScript = PrivateAttr()

    @classmethod
    def of(cls, played: PlayedScript) -> "ScriptedModel":
        """Return a model that goes on with a script."""
        model = cls()
        model._played = played
        return model

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Sequence[Any], **_: Any) -> Any:
        """Note the names of the tools: the script calls whichever it likes."""
        self._played.tools = [_tool_name(tool) for tool in tools]
        return self

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        return generate_from_stream(self._stream(messages, *args, **kwargs))

    def _stream(self, messages: list[BaseMessage], *_: Any, **__: Any) -> Iterator[ChatGenerationChunk]:
        for piece in self._pieces(messages):
            if isinstance(piece, Hang):
                raise NotImplementedError("a model that hangs has to be asked with `await model.ainvoke(…)`")
            if isinstance(piece, Fail):
                raise piece.exception
            yield ChatGenerationChunk(message=piece)

    async def _astream(self, messages: list[BaseMessage], *_: Any, **__: Any) -> AsyncIterator[ChatGenerationChunk]:
        for piece in self._pieces(messages):
            if isinstance(piece, Hang | Fail):
                await piece.happen()
                continue
            await asyncio.sleep(TOKEN_S)
            yield ChatGenerationChunk(message=piece)

    def _pieces(self, messages: list[BaseMessage]) -> Iterator[AIMessageChunk | Hang | Fail]:
        """Yield the next answer of the script in pieces."""
        step = self._played.step(list(messages))
        request, calls = len(self._played.asked), 0
        for part in step:
            if isinstance(part, Say):
                yield from (AIMessageChunk(content=text) for text in _TOKENS.findall(part.text))
            elif isinstance(part, CallTool):
                yield _calling(part, f"call-{request}-{calls}", calls)
                calls += 1
            elif isinstance(part, Fail | Hang):
                yield part


def scripted_model(script: Script) -> BaseChatModel:
    """Return a chat model that plays a script: for a graph of the agent's own."""
    return ScriptedModel.of(PlayedScript(script))


def _calling(call: CallTool, call_id: str, index: int) -> AIMessageChunk:
    piece = ToolCallChunk(name=call.tool, args=call.arguments, id=call_id, index=index)
    return AIMessageChunk(content="", tool_call_chunks=[piece])


def _tool_name(tool: Any) -> str:
    function = tool.get("function", tool) if isinstance(tool, dict) else {}
    return str(function.get("name") or getattr(tool, "name", ""))
