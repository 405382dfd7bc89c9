"""A word while a tool takes its time, so that the caller does not wait in silence."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from infra.process.tasks import ended
from infra.tape.tape import Tape

ResultT = TypeVar("ResultT")


async def with_filler(
    running: Coroutine[Any, Any, ResultT], after_ms: int, say: Callable[[], Awaitable[None]], tape: Tape, key: str
) -> ResultT:
    """Return what `running` returns; `say` is called once if it takes longer than `after_ms`.

    That it took longer is an input: it is on the tape, under `key`. Raises what either raises.
    """
    task = asyncio.ensure_future(running)

    async def is_late() -> bool:
        _, late = await asyncio.wait({task}, timeout=after_ms / 1000)
        return bool(late)

    try:
        if await tape.result("filler", key, {"after_ms": after_ms}, is_late):
            await say()
        return await task
    finally:
        await ended(task)
