"""Has the local model read a prompt before its answer is asked for: only the words that are new then cost time."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage

log = logging.getLogger(__name__)

Gather = Callable[[], Awaitable[Sequence[BaseMessage]]]


class PromptWarmer:
    """Asks a model for one token that nobody wants, in the background; one request for each key at a time.

    What it reads stays in the model server's cache as long as the next prompt begins with the same words.
    """

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._running: dict[str, asyncio.Task[None]] = {}

    def read(self, key: str, make: Callable[[], Awaitable[BaseChatModel]], gather: Gather) -> None:
        """Have what `gather` returns read unless the last reading for `key` still goes on."""
        if key in self._running:
            return
        task = asyncio.create_task(self._read(make, gather), name=f"warming {key}")
        self._running[key] = task
        task.add_done_callback(lambda done: self._forget(key, done))

    def stop(self, key: str) -> None:
        """End what is being read for `key`: the real question comes now."""
        if (task := self._running.pop(key, None)) is not None:
            task.cancel()

    async def close(self) -> None:
        """End everything."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _forget(self, key: str, task: "asyncio.Task[None]") -> None:
        if self._running.get(key) is task:
            del self._running[key]

    async def _read(self, make: Callable[[], Awaitable[BaseChatModel]], gather: Gather) -> None:
        try:
            model, messages = await make(), await gather()
            await asyncio.wait_for(model.ainvoke(list(messages), max_tokens=1), self._timeout_s)
        except Exception as error:  # a failure of the model is told when its answer is needed
            log.debug("warming up: %r", error)
