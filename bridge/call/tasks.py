"""The tasks of one owner: none is forgotten, failures are logged, and they end with their owner."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from typing import Any

from infra.process.tasks import ended

log = logging.getLogger(__name__)

AGAIN_S = 0.1
"""Pause before a lasting task is started again."""
LONGEST_REST_S = 2.0
CALM_S = 10.0
"""After a task has run this long, failures are counted from zero again."""

Make = Callable[[], Coroutine[Any, Any, None]]


class Tasks:
    """Tasks of one owner, whose name is logged when one fails."""

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_ending = False

    def own(self, work: Coroutine[Any, Any, None], name: str = "") -> asyncio.Task[None]:
        """Run a coroutine as a task."""
        task = asyncio.create_task(work, name=name or None)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def keep(self, make: Make, name: str) -> None:
        """Run `make()`, and again whenever it fails or is cancelled by anybody but the owner, until it returns."""
        self._keep(make, name, AGAIN_S)

    def _keep(self, make: Make, name: str, rest_s: float, after_s: float = 0) -> None:
        begun_s = time.monotonic()

        def begin_again(task: "asyncio.Task[None]") -> None:
            if not self._is_ending and (task.cancelled() or task.exception() is not None):
                log.error("%s: %s has ended and is started again", self._owner, name)
                rests_s = AGAIN_S if time.monotonic() - begun_s > CALM_S else rest_s
                self._keep(make, name, min(2 * rests_s, LONGEST_REST_S), rests_s)

        self.own(_later(make, after_s), name).add_done_callback(begin_again)

    async def end(self) -> None:
        """Cancel all tasks except the calling one, and wait for them."""
        self._is_ending = True
        await ended(*(task for task in self._tasks if task is not asyncio.current_task()))

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            if not task.cancelling():  # nobody has cancelled the task itself
                log.error("%s: %s: what it waited for was cancelled", self._owner, task.get_name())
        elif task.exception() is not None:
            log.error("%s: %s", self._owner, task.get_name(), exc_info=task.exception())


async def _later(make: Make, after_s: float) -> None:
    await asyncio.sleep(after_s)
    await make()
