"""Chat models for tests: they say what a script tells them, and wait where it says so."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any, Self

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import PrivateAttr

WAIT = object()
"""In a script: wait for ever (until cancelled)."""


class ScriptedModel(BaseChatModel):
    """Each call plays the next script (the last one again and again): texts, chunks, exceptions or WAIT."""

    _scripts: list[list[Any]] = PrivateAttr(default_factory=list)
    _asked: list[list[BaseMessage]] = PrivateAttr(default_factory=list)
    _cancelled: asyncio.Event = PrivateAttr(default_factory=asyncio.Event)

    @classmethod
    def playing(cls, *scripts: list[Any]) -> Self:
        """Return a model with these scripts."""
        model = cls()
        model._scripts = list(scripts)
        return model

    @property
    def asked(self) -> list[list[BaseMessage]]:
        """The messages of every call."""
        return self._asked

    @property
    def cancelled(self) -> asyncio.Event:
        """Set when a call was cut off while it waited."""
        return self._cancelled

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
        raise NotImplementedError

    def _stream(self, *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
        raise NotImplementedError

    async def _astream(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        self._asked.append(messages)
        script = self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]
        for step in script:
            if isinstance(step, BaseException):
                raise step
            if step is WAIT:
                try:
                    await asyncio.Event().wait()
                finally:
                    self._cancelled.set()
            chunk = step if isinstance(step, AIMessageChunk) else AIMessageChunk(content=step)
            yield ChatGenerationChunk(message=chunk)

    def bind_tools(self, *args: Any, **kwargs: Any) -> Any:
        return self


def tool_call(name: str, arguments: str = "{}") -> AIMessageChunk:
    return AIMessageChunk(content="", tool_call_chunks=[{"name": name, "args": arguments, "id": "c1", "index": 0}])
