"""Language models that do as a test says."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

from langchain_core.messages import AIMessageChunk

Script = Callable[[str], str]


class ScriptedModel:
    """Answers with a text, or with what a function makes of the question; or raises, or never answers."""

    def __init__(self, does: str | Script, name: str = "") -> None:
        self.does = does
        self.name = name or str(does)
        self.questions: list[str] = []

    async def astream(self, messages: list[tuple[str, str]]) -> AsyncIterator[Any]:
        question = messages[-1][1]
        self.questions.append(question)
        if self.does == "raise":
            raise ConnectionError("no line")
        if self.does == "hang":
            await asyncio.Event().wait()
        text = self.does if isinstance(self.does, str) else self.does(question)
        for word in text.split(" "):
            yield AIMessageChunk(content=word + " ")


class SlowModel(ScriptedModel):
    """Answers word by word, `delay_s` apart."""

    delay_s = 0.1

    async def astream(self, messages: list[tuple[str, str]]) -> AsyncIterator[Any]:
        async for chunk in super().astream(messages):
            await asyncio.sleep(self.delay_s)
            yield chunk
