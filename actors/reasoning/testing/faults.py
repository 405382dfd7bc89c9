"""What goes wrong in a test: with a model, or with a tool."""

import asyncio
import math
from dataclasses import dataclass


class Part:
    """A part of what a model answers."""


@dataclass(frozen=True, slots=True)
class Fail(Part):
    """The model, or the tool, raises this; a text is a RuntimeError."""

    error: str | Exception = "it broke"

    @property
    def exception(self) -> Exception:
        """What is raised."""
        return self.error if isinstance(self.error, Exception) else RuntimeError(self.error)

    async def happen(self) -> None:
        """Raise it."""
        raise self.exception


@dataclass(frozen=True, slots=True)
class Hang(Part):
    """The model, or the tool, does nothing for this long; then it goes on."""

    seconds: float = math.inf

    async def happen(self) -> None:
        """Wait."""
        if math.isinf(self.seconds):
            await asyncio.get_running_loop().create_future()
        await asyncio.sleep(self.seconds)


@dataclass(frozen=True, slots=True)
class Die:
    """The process dies while the tool runs, for the first `times` times; then the tool is as it is.

    With `after` the tool has done its work, and only its result is lost.
    """

    after: bool = False
    times: int = 1
