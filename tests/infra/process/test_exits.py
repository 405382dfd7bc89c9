"""Code of others that wants to end the process fails, in whichever of its tasks."""

import asyncio
import sys
import warnings
from collections.abc import Awaitable, Callable

import pytest

from infra.process.exits import ExitAsked, contained


async def at_once() -> None:
    sys.exit(3)


async def in_a_task() -> None:
    await asyncio.gather(asyncio.sleep(0), at_once())


async def in_a_thread() -> None:
    await asyncio.to_thread(sys.exit, 3)


async def in_a_task_of_a_task() -> None:
    await asyncio.create_task(in_a_task())


async def when_it_is_cancelled() -> None:
    async def stubborn() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            sys.exit(3)

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    task.cancel()
    await task


@pytest.mark.parametrize("work", [at_once, in_a_task, in_a_thread, in_a_task_of_a_task, when_it_is_cancelled])
async def test_an_exit_is_an_error_of_its_own_task(work: Callable[[], Awaitable[None]]) -> None:
    with pytest.raises(ExitAsked, match="SystemExit: 3"):
        await asyncio.create_task(contained(work()))  # type: ignore[arg-type]


async def test_other_tasks_of_the_loop_are_left_as_they_are() -> None:
    async def others() -> str:
        return type(asyncio.current_task().get_coro()).__name__  # type: ignore[union-attr]

    async def ours() -> None:
        assert await asyncio.create_task(others()) == "_Contained"

    await asyncio.create_task(contained(ours()))
    assert await asyncio.create_task(others()) == "coroutine"


async def test_a_task_that_is_cancelled_before_it_begins_leaves_nothing_behind() -> None:
    async def cancelling() -> None:
        task = asyncio.create_task(asyncio.sleep(9))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        await asyncio.create_task(contained(cancelling()))


async def test_what_else_is_raised_is_raised() -> None:
    async def fails() -> None:
        raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        await asyncio.create_task(contained(fails()))
