"""What a model wrote for one reply, before anything of it is left out."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from actors.reasoning.model_chunks import AskModel, ModelChunk, ModelRequest, Part

MOST_CHARS = 100_000
"""More of it is not recorded: an event has a limit of 1 MB."""


@dataclass(slots=True)
class RawAnswer:
    """The text of all requests of a reply, one after the other, and in how many pieces it came."""

    text: str = ""
    pieces: int = 0
    is_asked: bool = False
    """Whether a model was asked at all."""

    def noting(self, ask: AskModel) -> AskModel:
        """Return a function that asks likewise and notes what is written."""

        async def noted(request: ModelRequest) -> AsyncGenerator[Part, None]:
            self.is_asked = True
            async with aclosing(ask(request)) as parts:
                async for part in parts:
                    if isinstance(part, ModelChunk) and part.text:
                        self.note(part.text)
                    yield part

        return noted

    def note(self, text: str) -> None:
        """Add a piece of what was written."""
        self.text = (self.text + text)[:MOST_CHARS]
        self.pieces += 1

    def fields(self, text: str = "") -> dict[str, Any]:
        """Return an event's fields: what was written, unless it is `text`, and in how many pieces it came."""
        if not self.is_asked:
            return {}
        return {"written": "" if self.text == text else self.text, "tokens": self.pieces}
