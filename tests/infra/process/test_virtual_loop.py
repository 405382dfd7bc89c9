"""The loop of a replay: what is ready runs, time moves only when it is told to, nothing runs in a thread."""

import asyncio
import gc
import threading
from collections.abc import AsyncGenerator, Iterator

import pytest

from infra.process.virtual_loop import Stuck, VirtualLoop


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    loop = VirtualLoop()
    yield loop
    if not loop.is_closed():
        loop.end()


def test_everything_that_is_ready_runs_before_the_loop_returns(loop: VirtualLoop) -> None:
    said: list[str] = []

    async def second() -> None:
        said.append("second")

    async def first() -> None:
        said.append("first")
        await asyncio.sleep(0)
        await asyncio.create_task(second())
        said.append("third")

    loop.create_task(first())
    loop.run_until_quiescent()
    assert said == ["first", "second", "third"]


def test_it_may_stop_while_something_is_ready_and_goes_on_later(loop: VirtualLoop) -> None:
    said: list[int] = []

    async def count() -> None:
        for number in range(10):
            said.append(number)
            await asyncio.sleep(0)

    loop.create_task(count())
    loop.run_until_quiescent(most_turns=3)
    assert (said, loop.turns) == ([0, 1, 2], 3)
    loop.move_to(5)
    assert (len(said), loop.time()) == (3, 5)
    loop.run_until_quiescent()
    assert len(said) == 10


def test_an_hour_passes_at_once_and_timers_fire_in_their_order(loop: VirtualLoop) -> None:
    fired: list[tuple[str, float]] = []

    async def after(seconds: float, name: str) -> None:
        await asyncio.sleep(seconds)
        fired.append((name, loop.time()))

    for seconds, name in ((3600, "hour"), (0.25, "quarter"), (10, "ten")):
        loop.create_task(after(seconds, name))
    loop.run_until_quiescent()
    assert fired == []
    loop.advance_to(3599)
    assert fired == [("quarter", 0.25), ("ten", 10)]
    loop.advance_to(3600)
    assert fired[-1] == ("hour", 3600)


def test_a_timer_that_another_has_made_fires_at_its_own_time(loop: VirtualLoop) -> None:
    fired: list[float] = []

    async def twice() -> None:
        for _ in range(2):
            await asyncio.sleep(1)
            fired.append(loop.time())

    loop.create_task(twice())
    loop.advance_to(5)
    assert fired == [1, 2]
    assert loop.time() == 5


def test_a_timeout_fires_only_when_the_time_is_reached(loop: VirtualLoop) -> None:
    async def wait() -> str:
        try:
            async with asyncio.timeout(0.5):
                await asyncio.get_running_loop().create_future()
        except TimeoutError:
            return "too late"
        return "in time"

    task = loop.create_task(wait())
    loop.advance_to(0.49)
    assert not task.done()
    loop.advance_to(0.5)
    assert task.result() == "too late"


def test_a_function_for_a_thread_runs_in_this_one(loop: VirtualLoop) -> None:
    async def work() -> int:
        return await asyncio.to_thread(threading.get_ident)

    assert loop.finish(loop.create_task(work())) == threading.get_ident()


def test_the_error_of_such_a_function_reaches_who_awaits_it(loop: VirtualLoop) -> None:
    def broken() -> None:
        raise ValueError("broken")

    async def work() -> None:
        await asyncio.to_thread(broken)

    with pytest.raises(ValueError, match="broken"):
        loop.finish(loop.create_task(work()))


def test_a_task_that_waits_for_the_world_is_reported_as_stuck(loop: VirtualLoop) -> None:
    async def wait() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(Stuck, match="the world"):
        loop.finish(loop.create_task(wait(), name="the world"))


def test_the_end_cancels_what_runs_and_closes_generators(loop: VirtualLoop) -> None:
    ended: list[str] = []

    async def pieces() -> AsyncGenerator[int, None]:
        try:
            yield 1
        finally:
            ended.append("pieces")

    async def wait() -> None:
        stream = pieces()
        await anext(stream)
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.append("task")

    loop.create_task(wait())
    loop.run_until_quiescent()
    loop.end()
    assert sorted(ended) == ["pieces", "task"]
    assert loop.is_closed()


def test_the_error_of_a_task_that_nobody_awaits_is_kept_and_not_logged(
    loop: VirtualLoop, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken() -> None:
        raise ValueError("no")

    loop.create_task(broken())
    loop.run_until_quiescent()
    gc.collect()
    assert loop.errors == ["ValueError: no"]
    assert not caplog.records
