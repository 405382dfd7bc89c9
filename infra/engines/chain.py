"""Fallback chains: engines in order of preference; when one fails, the next takes over.

Speech to text, text to speech and language models share this: the order, the rest of an engine that failed, what counts
as a failure, and the two ways to limit how long an engine may take.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from infra.process.error_text import SaysWhy, error_text
from infra.process.tasks import CancelledElsewhere, own_cancellation_only

T = TypeVar("T")

ASKED_AGAIN = "asked it again"
PASSED_OVER = "not asked: it has failed in another session and rests"
"""Error that is recorded in a session in which an engine did not fail itself."""


@dataclass(frozen=True, slots=True)
class EngineFailure:
    """An engine raised, hung, was missing, or was cancelled by something other than its caller.

    What it returned before stays valid. `action` is the reaction; `next_engine` takes over, empty if none.
    """

    engine: str
    error: str
    action: str
    next_engine: str = ""


class Rests(Protocol):
    """Which engines are tried after the others because they have failed."""

    def in_order(self, names: Sequence[str]) -> list[str]:
        """Return the engines in the order in which they would be tried now."""

    def rest(self, name: str) -> None:
        """Note that an engine has failed."""

    def recover(self, name: str) -> None:
        """Note that an engine has answered to the end."""


class TimedRests:
    """Each engine that failed is tried after the others for `rest_s`, by `clock` (seconds)."""

    def __init__(self, rest_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rest_s = rest_s
        self._clock = clock
        self._until: dict[str, float] = {}

    def in_order(self, names: Sequence[str]) -> list[str]:
        """See Rests."""
        now_s = self._clock()
        return sorted(names, key=lambda name: self._until.get(name, now_s) > now_s)

    def rest(self, name: str) -> None:
        """See Rests."""
        now_s = self._clock()
        # Profiles may name any engine: those that have rested are forgotten, so that the table stays small.
        self._until = {each: until for each, until in self._until.items() if until > now_s}
        self._until[name] = now_s + self._rest_s

    def recover(self, name: str) -> None:
        """See Rests."""
        self._until.pop(name, None)


class FallbackChain:
    """Tries engines, identified by name, one after the other until one succeeds, those that rest last.

    `goes_on` is the action recorded for a failure with a next engine (`used {}`), `gives_up` the action for the last
    one.
    """

    def __init__(self, rests: Rests, goes_on: str, gives_up: str) -> None:
        self._rests = rests
        self._goes_on = goes_on
        self._gives_up = gives_up

    def in_order(self, names: Sequence[str]) -> list[str]:
        """Return the engines in the order in which they would be tried now."""
        return self._rests.in_order(names)

    async def parts(
        self, names: Sequence[str], attempt: Callable[[str], AsyncGenerator[T, None]]
    ) -> AsyncGenerator[T | EngineFailure, None]:
        """Yield what `attempt` yields for the first engine that works, and an EngineFailure for each that does not.

        Any exception is a failure. So is a CancelledError if this task was not cancelled; the last engine is tried
        once more after it, because nothing may be wrong with the engine. Raises nothing but CancelledError: if all
        engines failed, the last part is an EngineFailure that names no next engine.
        """
        left, asked_again = self.in_order(names), False
        while left:
            name = left.pop(0)
            try:
                with own_cancellation_only():
                    async with aclosing(attempt(name)) as given:
                        async for part in given:
                            yield part
                self._rests.recover(name)
                return
            except Exception as error:  # an engine may raise anything, and the chain must survive it
                action = self._goes_on.format(left[0]) if left else self._gives_up
                if isinstance(error, CancelledElsewhere) and not left and not asked_again:
                    left, asked_again, action = [name], True, ASKED_AGAIN
                else:
                    self._rests.rest(name)
                yield EngineFailure(name, error_text(error), action, left[0] if left else "")


class EngineTooSlow(SaysWhy, TimeoutError):
    """An engine took longer than the settings allow."""


class EngineRaised(SaysWhy, RuntimeError):
    """What an engine raised, by the text that is recorded of it: engines raise exceptions of many classes."""


async def never_silent_for(timeout_s: float | None, stream: AsyncIterator[T]) -> AsyncGenerator[T, None]:
    """Yield what a stream yields. Raises EngineTooSlow if it yields nothing for this long; None sets no limit."""
    while True:
        try:
            # Not wait_for: in Python 3.11 it loses a cancellation that arrives together with a part.
            async with asyncio.timeout(timeout_s):
                part = await anext(stream)
        except StopAsyncIteration:
            return
        except TimeoutError as error:
            if timeout_s is None or str(error):  # the engine's own
                raise
            raise EngineTooSlow(f"silent for {timeout_s:g} s") from error
        yield part


class TimeLimit:
    """Limits how long one answer may take. Work that takes longer is cancelled and not awaited.

    A timeout around the work would not do: an engine that ignores its cancellation would block its caller.
    """

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._given_up: set[asyncio.Task[Any]] = set()

    async def answer(self, work: Coroutine[Any, Any, T]) -> T:
        """Return what the work returns. Raises what it raises, CancelledElsewhere, or EngineTooSlow after the limit."""
        task = asyncio.create_task(work)
        try:
            await asyncio.wait([task], timeout=self._timeout_s)
        finally:
            if not task.done():
                self._given_up.add(task)
                task.add_done_callback(self._forget)
                task.cancel()
        if task in self._given_up:
            raise EngineTooSlow(f"no answer within {self._timeout_s:g} s")
        with own_cancellation_only():
            return await task

    def _forget(self, task: "asyncio.Task[Any]") -> None:
        self._given_up.discard(task)
        if not task.cancelled():
            task.exception()
