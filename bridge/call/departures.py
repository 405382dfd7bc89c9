"""When the sound of a door's microphones leaves for NATS: what comes within a few milliseconds leaves together.

Fifty microphones send 2,500 frames a second. Each write of its own wakes NATS and then a listener, which costs more
than the frame does. A single microphone never waits: its frames come 20 ms apart.
"""

import asyncio
from collections.abc import Awaitable, Callable
from weakref import WeakKeyDictionary

from nats.aio.client import Client

APART_S = 0.005
"""The least time between two departures: the most that a frame waits."""

CROWDED, CROWDED_APART_S = 4, 0.01
"""With so many microphones in one departure the next is as far as this: where many talk, CPU is what delays them."""

Publish = Callable[[], Awaitable[None]]
"""Publishes all that one microphone has by then. Raises nothing."""


class Departures:
    """Those of one connection to NATS: `of(nc)`."""

    def __init__(self) -> None:
        self._not_before_s = 0.0
        self._waiting: dict[Publish, None] = {}
        self._next: asyncio.Task[None] | None = None
        self._departing: set[asyncio.Task[None]] = set()
        """The next one, and one that has not quite left."""

    async def leave(self, publish: Publish) -> None:
        """Publish now, or with the next departure if the last one has only just left."""
        wait_s = self._not_before_s - asyncio.get_running_loop().time()
        if wait_s <= 0 and not self._waiting:
            self._left(1)
            await publish()
            return
        self._waiting[publish] = None
        if self._next is None or self._next.done():
            self._next = asyncio.create_task(self._depart(wait_s), name="departure of sound")
            self._departing.add(self._next)
            self._next.add_done_callback(self._departing.discard)

    async def leave_at_last(self, publish: Publish) -> None:
        """Return when nothing more of a microphone that sends no more waits here, or is on its way."""
        if self._departing:
            await asyncio.wait(set(self._departing))
        await publish()

    async def _depart(self, wait_s: float) -> None:
        await asyncio.sleep(wait_s)
        waiting, self._waiting, self._next = self._waiting, {}, None
        self._left(len(waiting))
        for publish in waiting:
            await publish()

    def _left(self, together: int) -> None:
        apart_s = CROWDED_APART_S if together >= CROWDED else APART_S
        self._not_before_s = asyncio.get_running_loop().time() + apart_s


_of: "WeakKeyDictionary[Client, Departures]" = WeakKeyDictionary()


def of(nc: Client) -> Departures:
    """Return the departures of a connection, which all its microphones share."""
    return _of.setdefault(nc, Departures())
