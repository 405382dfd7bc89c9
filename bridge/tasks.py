"""The tasks that something owns: none is forgotten, what fails is logged, and they end with their owner."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from infra.ending import ended

log = logging.getLogger(__name__)


class Tasks:
    """Tasks of one owner, whose name stands in the log when one fails."""

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._tasks: set[asyncio.Task[None]] = set()

    def own(self, work: Coroutine[Any, Any, None], name: str = "") -> asyncio.Task[None]:
        """Run it as a task."""
        task = asyncio.create_task(work, name=name or None)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    async def end(self) -> None:
        """Cancel what runs, but for the task that asks, and wait for it."""
        await ended(*(task for task in self._tasks if task is not asyncio.current_task()))

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("%s: %s", self._owner, task.get_name(), exc_info=task.exception())
