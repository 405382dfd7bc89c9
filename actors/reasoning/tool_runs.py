"""The tool calls that a copy of reasoning runs: each has a task of its own, which may outlive its reply."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from infra.process.tasks import ended

log = logging.getLogger(__name__)

GRACE_S = 2.0
"""How long a process that ends waits for its tools."""


class ToolRuns:
    """Owns the tasks. An action goes on when its reply was interrupted, and when its message went to another copy."""

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def begin(self, call_id: str, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """Run the work of a call in a task of its own."""
        task = asyncio.create_task(work, name=f"tool call {call_id}")
        self._tasks[call_id] = task
        task.add_done_callback(lambda done: self._ended(call_id, done))
        return task

    def of(self, call_id: str) -> "asyncio.Task[None] | None":
        """Return the task of a call that this copy runs."""
        return self._tasks.get(call_id)

    async def finish(self) -> None:
        """Wait until nothing runs, `GRACE_S` at most."""
        if self._tasks:
            await asyncio.wait(list(self._tasks.values()), timeout=GRACE_S)

    async def close(self) -> None:
        """Cancel what runs."""
        await ended(*self._tasks.values())

    def _ended(self, call_id: str, task: "asyncio.Task[None]") -> None:
        if self._tasks.get(call_id) is task:
            del self._tasks[call_id]
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("what came of the tool call %s is not in the log: %r", call_id, error)
