"""What a door's owner keeps going goes on whatever ends it, until the owner ends it."""

import asyncio

from bridge.call.tasks import Tasks
from tests.waiting import until


async def wait_for_ever() -> None:
    await asyncio.Event().wait()


async def test_what_is_kept_goes_on_when_anybody_cancels_it_and_ends_with_its_owner() -> None:
    tasks, begun = Tasks("test"), list[asyncio.Task[None]]()

    async def work() -> None:
        task = asyncio.current_task()
        assert task is not None
        begun.append(task)
        await asyncio.Event().wait()

    tasks.keep(work, "work")
    await until(lambda: len(begun) == 1)
    begun[0].cancel()
    await until(lambda: len(begun) == 2)
    await tasks.end()
    assert begun[1].cancelled()
    await asyncio.sleep(0)
    assert len(begun) == 2


async def test_what_is_kept_goes_on_when_something_it_waits_for_is_cancelled_or_fails() -> None:
    tasks, ends = Tasks("test"), list[str]()

    async def work() -> None:
        ends.append("begun")
        if len(ends) == 1:
            cancelled = asyncio.get_running_loop().create_future()
            cancelled.cancel()
            await cancelled
        if len(ends) == 2:
            raise ValueError

    tasks.keep(work, "work")
    await until(lambda: len(ends) == 3)
    await tasks.end()
    assert len(ends) == 3
