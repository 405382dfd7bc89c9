"""A start goes on while one step follows another; the time is that of a virtual clock."""

import asyncio
from collections.abc import Iterator

import pytest

from infra.process.virtual_loop import VirtualLoop
from infra.system.progress import Progress


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    loop = VirtualLoop(at_s=100)
    yield loop
    loop.end()


def test_it_waits_for_as_long_as_step_follows_step_and_then_no_longer(loop: VirtualLoop) -> None:
    progress, end = Progress(10), loop.create_future()
    for number in range(1, 9):
        loop.call_at(100 + 9 * number, progress.step)
    waiting = loop.create_task(progress.until_one_ends(end))
    loop.advance_to(181)
    assert not waiting.done()
    loop.advance_to(183)
    assert waiting.result() is False
    assert not end.done()


def test_what_ends_meanwhile_ends_the_waiting_at_once(loop: VirtualLoop) -> None:
    progress, end, other = Progress(10), loop.create_future(), loop.create_future()
    waiting = loop.create_task(progress.until_one_ends(end, other))
    loop.call_at(105, other.set_result, None)
    loop.advance_to(105)
    assert waiting.result() is True


def test_each_wait_has_the_whole_patience(loop: VirtualLoop) -> None:
    progress = Progress(10)

    async def twice() -> list[float]:
        ended_at_s: list[float] = []
        for _ in range(2):
            await progress.until_one_ends(asyncio.get_running_loop().create_future())
            ended_at_s.append(loop.time())
        return ended_at_s

    assert loop.finish(loop.create_task(twice())) == [110, 120]
