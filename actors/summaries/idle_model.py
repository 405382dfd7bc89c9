"""Waiting for a moment in which nobody waits for the local language model: calls come first."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from contracts.events import Event
from contracts.topology import MODEL_FREE, MODEL_WANTED
from infra.process.tasks import ended

T = TypeVar("T")

FORGOTTEN_S = 20.0
"""A session without new facts for this long no longer holds summaries up."""


class TooBusy(RuntimeError):
    """There was no quiet moment long enough."""


class ModelDemand:
    """Which sessions need the model now, from their facts; times are seconds of one clock."""

    def __init__(self) -> None:
        self._wanted_until: dict[str, float] = {}

    def take(self, session_id: str, event_class: type[Event], now_s: float) -> None:
        """Apply a fact of a session."""
        if event_class in MODEL_WANTED:
            self._wanted_until[session_id] = now_s + FORGOTTEN_S
        elif event_class in MODEL_FREE:
            self._wanted_until.pop(session_id, None)

    def is_quiet(self, now_s: float) -> bool:
        """Return whether no session needs the model."""
        for session_id in [session for session, until in self._wanted_until.items() if until <= now_s]:
            del self._wanted_until[session_id]
        return not self._wanted_until


class Calls:
    """Follows from facts whether a call of this log needs the model, and runs work between replies."""

    def __init__(self) -> None:
        self._floor = ModelDemand()
        self._changed = asyncio.Event()
        self._working = asyncio.Lock()
        """Held by the one whose work may run: if all that wait started in one moment and were stopped in the next,
        hundreds of requests would be sent and cancelled after a busy hour."""

    def take(self, session_id: str, event_class: type[Event]) -> None:
        """Apply a fact of a call."""
        self._floor.take(session_id, event_class, time.monotonic())
        self._changed.set()

    async def between(self, work: Callable[[], Awaitable[T]], patience_s: float) -> T:
        """Return the result of `work`, run in a quiet moment; it is stopped and restarted when a call needs the model.

        One runs at a time, in the order of the calls. Raises TooBusy after `patience_s` without a moment that was
        long enough, and what `work` raises.
        """
        try:
            async with asyncio.timeout(patience_s) as limit, self._working:
                while True:
                    await self._until(quiet=True)
                    working = asyncio.ensure_future(work())
                    disturbed = asyncio.create_task(self._until(quiet=False))
                    try:
                        await asyncio.wait([working, disturbed], return_when=asyncio.FIRST_COMPLETED)
                        if working.done():
                            return working.result()
                    finally:
                        await ended(working, disturbed)
        except TimeoutError:
            if not limit.expired():
                raise
            raise TooBusy(f"calls left no quiet moment within {patience_s:g} s") from None

    async def _until(self, quiet: bool) -> None:
        while self._floor.is_quiet(time.monotonic()) != quiet:
            self._changed.clear()
            try:
                # A session that expires wakes nobody.
                async with asyncio.timeout(0.5):
                    await self._changed.wait()
            except TimeoutError:
                continue
