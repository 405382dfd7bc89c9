"""Chat models that are named in a test as a provider's model would be: one that answers, one that judges."""

import json
from collections.abc import AsyncIterator
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult


class Polite(BaseChatModel):
    """Says good evening."""

    @property
    def _llm_type(self) -> str:
        return "polite"

    def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
        raise NotImplementedError

    async def _astream(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        yield ChatGenerationChunk(message=AIMessageChunk(content=self.answer(messages)))

    def answer(self, messages: list[BaseMessage]) -> str:
        """Return the answer."""
        return "Good evening."

    async def _agenerate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        from langchain_core.language_models.chat_models import agenerate_from_stream

        return await agenerate_from_stream(self._astream(messages))


class Strict(Polite):
    """Judges whether the transcript has the words of the criterion."""

    def answer(self, messages: list[BaseMessage]) -> str:
        """Return a verdict, in a fence as models write it."""
        transcript, _, criterion = messages[-1].text.partition("\n\nCriterion: ")
        met = criterion in transcript
        return f"```json\n{json.dumps({'reason': 'I have read it.', 'met': met})}\n```"


class Silent(Polite):
    """Gives no verdict."""

    def answer(self, messages: list[BaseMessage]) -> str:
        """Return something else."""
        return "I would rather not."
