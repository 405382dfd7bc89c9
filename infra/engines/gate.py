"""A gate in front of an engine: a limited number of callers at a time, the urgent before the rest."""

import asyncio
import heapq
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from itertools import count

URGENT = ContextVar("urgent", default=False)
"""Set around an engine call that somebody waits for in silence; it passes through plugin interfaces."""


class PriorityGate:
    """Lets `capacity` callers through at a time; waiting callers go by urgency, then by arrival."""

    def __init__(self, capacity: int) -> None:
        self._free = capacity
        self._waiting: list[tuple[bool, int, asyncio.Future[None]]] = []
        self._arrivals = count()

    @asynccontextmanager
    async def turn(self, urgent: bool | None = None) -> AsyncIterator[None]:
        """Hold one of the places while the block runs. Without `urgent`, `URGENT` decides."""
        await self._enter(URGENT.get() if urgent is None else urgent)
        try:
            yield
        finally:
            self._leave()

    async def _enter(self, urgent: bool) -> None:
        if self._free > 0:
            self._free -= 1
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (not urgent, next(self._arrivals), place))
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self._leave()  # the place was granted just as its owner gave up
            raise

    def _leave(self) -> None:
        while self._waiting:
            _, _, place = heapq.heappop(self._waiting)
            if not place.done():
                place.set_result(None)
                return
        self._free += 1
