"""Streamed chat completions as the maps that a server sends, for LangChain's model of OpenAI's protocol.

OpenAI's client takes a request apart by its types and builds an object of each piece of the answer, which LangChain
makes a map of again: with 22 pieces of an answer that is a third of the processor time of a turn in reasoning.
"""

from collections.abc import Mapping
from typing import Any

from openai import AsyncOpenAI, AsyncStream


class PlainCompletions:
    """Stands for `client.chat.completions` in a chat model; whatever is not streamed is done by that."""

    def __init__(self, client: AsyncOpenAI) -> None:
        self._client = client
        self._typed = client.chat.completions

    def __getattr__(self, name: str) -> Any:
        """Return what the client's own completions have."""
        return getattr(self._typed, name)

    async def create(self, *, extra_body: Mapping[str, object] | None = None, **asked: Any) -> Any:
        """Return the answer, streamed as maps if it is `asked` for as a stream. Raises what the client raises."""
        if not asked.get("stream"):
            return await self._typed.create(**asked, extra_body=extra_body)
        return await self._client.post(
            "/chat/completions",
            body={**asked, **(extra_body or {})},
            cast_to=object,
            stream=True,
            stream_cls=AsyncStream[object],
        )
