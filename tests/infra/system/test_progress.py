"""A start goes on while one step follows another; the time is that of a virtual clock."""

import asyncio

from infra.process.virtual_loop import VirtualLoop
from infra.system.progress import Progress
from tests.virtual_time import START_S


def test_it_waits_for_as_long_as_step_follows_step_and_then_no_longer(virtual_loop: VirtualLoop) -> None:
    progress, end = Progress(10), virtual_loop.create_future()
    for number in range(1, 9):
        virtual_loop.call_at(START_S + 9 * number, progress.step)
    waiting = virtual_loop.create_task(progress.until_one_ends(end))
    virtual_loop.advance_to(START_S + 81)
    assert not waiting.done()
    virtual_loop.advance_to(START_S + 83)
    assert waiting.result() is False
    assert not end.done()


def test_what_ends_meanwhile_ends_the_waiting_at_once(virtual_loop: VirtualLoop) -> None:
    progress, end, other = Progress(10), virtual_loop.create_future(), virtual_loop.create_future()
    waiting = virtual_loop.create_task(progress.until_one_ends(end, other))
    virtual_loop.call_at(START_S + 5, other.set_result, None)
    virtual_loop.advance_to(START_S + 5)
    assert waiting.result() is True


def test_each_wait_has_the_whole_patience(virtual_loop: VirtualLoop) -> None:
    progress = Progress(10)

    async def twice() -> list[float]:
        ended_at_s: list[float] = []
        for _ in range(2):
            await progress.until_one_ends(asyncio.get_running_loop().create_future())
            ended_at_s.append(virtual_loop.time())
        return ended_at_s

    assert virtual_loop.finish(virtual_loop.create_task(twice())) == [START_S + 10, START_S + 20]
