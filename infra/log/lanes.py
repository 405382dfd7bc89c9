"""Order within a session, while sessions run in parallel."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from infra.process.tasks import CancelledElsewhere, ended, own_cancellation_only

log = logging.getLogger(__name__)

ItemT = TypeVar("ItemT")


@dataclass(slots=True)
class _Lane(Generic[ItemT]):
    waiting: deque[ItemT] = field(default_factory=deque)
    worker: "asyncio.Task[None] | None" = None


class Lanes(Generic[ItemT]):
    """Calls `deal_with` for each item in a task, one item after another in each session's lane.

    The next item of a session begins when that task has ended, or has set the future that it gets with the item.
    `name` appears in the log.
    """

    def __init__(self, name: str, deal_with: Callable[[ItemT, "asyncio.Future[None]"], Awaitable[None]]) -> None:
        self._name = name
        self._deal_with = deal_with
        self._lanes: dict[str, _Lane[ItemT]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def put(self, session_id: str, item: ItemT) -> None:
        """Add an item to the end of a session's lane."""
        lane = self._lanes.setdefault(session_id, _Lane())
        lane.waiting.append(item)
        if lane.worker is None:
            lane.worker = self.own(self._work(session_id, lane))

    def own(self, work: Awaitable[None]) -> "asyncio.Task[None]":
        """Run a task beside the lanes, until it ends or the lanes are dropped."""
        task = asyncio.ensure_future(work)
        assert isinstance(task, asyncio.Task)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def drop(self) -> None:
        """Empty all lanes and cancel what runs, except the task that calls this."""
        self._lanes.clear()
        await ended(*(task for task in self._tasks if task is not asyncio.current_task()))

    async def _work(self, session_id: str, lane: _Lane[ItemT]) -> None:
        while lane.waiting:
            go_on: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            waited_for = [go_on, self.own(self._deal_with(lane.waiting.popleft(), go_on))]
            while not any(each.done() for each in waited_for):
                try:
                    with own_cancellation_only():
                        await asyncio.wait(waited_for, return_when=asyncio.FIRST_COMPLETED)
                except CancelledElsewhere as error:
                    log.warning("%s: %s", self._name, error)
        lane.worker = None
        if self._lanes.get(session_id) is lane:
            del self._lanes[session_id]
