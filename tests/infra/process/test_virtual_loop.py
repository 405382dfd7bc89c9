"""The loop of a replay: what is ready runs, time moves only when it is told to, nothing runs in a thread."""

import asyncio
import gc
import threading
from collections.abc import AsyncGenerator

import pytest

from infra.process.virtual_loop import Stuck, VirtualLoop
from tests.virtual_time import START_S


def test_everything_that_is_ready_runs_before_the_loop_returns(virtual_loop: VirtualLoop) -> None:
    said: list[str] = []

    async def second() -> None:
        said.append("second")

    async def first() -> None:
        said.append("first")
        await asyncio.sleep(0)
        await asyncio.create_task(second())
        said.append("third")

    virtual_loop.create_task(first())
    virtual_loop.run_until_quiescent()
    assert said == ["first", "second", "third"]


def test_it_may_stop_while_something_is_ready_and_goes_on_later(virtual_loop: VirtualLoop) -> None:
    said: list[int] = []

    async def count() -> None:
        for number in range(10):
            said.append(number)
            await asyncio.sleep(0)

    virtual_loop.create_task(count())
    virtual_loop.run_until_quiescent(most_turns=3)
    assert (said, virtual_loop.turns) == ([0, 1, 2], 3)
    virtual_loop.move_to(START_S + 5)
    assert (len(said), virtual_loop.time()) == (3, START_S + 5)
    virtual_loop.run_until_quiescent()
    assert len(said) == 10


def test_an_hour_passes_at_once_and_timers_fire_in_their_order(virtual_loop: VirtualLoop) -> None:
    fired: list[tuple[str, float]] = []

    async def after(seconds: float, name: str) -> None:
        await asyncio.sleep(seconds)
        fired.append((name, virtual_loop.time()))

    for seconds, name in ((3600, "hour"), (0.25, "quarter"), (10, "ten")):
        virtual_loop.create_task(after(seconds, name))
    virtual_loop.run_until_quiescent()
    assert fired == []
    virtual_loop.advance_to(START_S + 3599)
    assert fired == [("quarter", START_S + 0.25), ("ten", START_S + 10)]
    virtual_loop.advance_to(START_S + 3600)
    assert fired[-1] == ("hour", START_S + 3600)


def test_a_timer_that_another_has_made_fires_at_its_own_time(virtual_loop: VirtualLoop) -> None:
    fired: list[float] = []

    async def twice() -> None:
        for _ in range(2):
            await asyncio.sleep(1)
            fired.append(virtual_loop.time())

    virtual_loop.create_task(twice())
    virtual_loop.advance_to(START_S + 5)
    assert fired == [START_S + 1, START_S + 2]
    assert virtual_loop.time() == START_S + 5


def test_a_timeout_fires_only_when_the_time_is_reached(virtual_loop: VirtualLoop) -> None:
    async def wait() -> str:
        try:
            async with asyncio.timeout(0.5):
                await asyncio.get_running_loop().create_future()
        except TimeoutError:
            return "too late"
        return "in time"

    task = virtual_loop.create_task(wait())
    virtual_loop.advance_to(START_S + 0.49)
    assert not task.done()
    virtual_loop.advance_to(START_S + 0.5)
    assert task.result() == "too late"


def test_a_function_for_a_thread_runs_in_this_one(virtual_loop: VirtualLoop) -> None:
    async def work() -> int:
        return await asyncio.to_thread(threading.get_ident)

    assert virtual_loop.finish(virtual_loop.create_task(work())) == threading.get_ident()


def test_the_error_of_such_a_function_reaches_who_awaits_it(virtual_loop: VirtualLoop) -> None:
    def broken() -> None:
        raise ValueError("broken")

    async def work() -> None:
        await asyncio.to_thread(broken)

    with pytest.raises(ValueError, match="broken"):
        virtual_loop.finish(virtual_loop.create_task(work()))


def test_a_task_that_waits_for_the_world_is_reported_as_stuck(virtual_loop: VirtualLoop) -> None:
    async def wait() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(Stuck, match="the world"):
        virtual_loop.finish(virtual_loop.create_task(wait(), name="the world"))


def test_the_end_cancels_what_runs_and_closes_generators(virtual_loop: VirtualLoop) -> None:
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

    virtual_loop.create_task(wait())
    virtual_loop.run_until_quiescent()
    virtual_loop.end()
    assert sorted(ended) == ["pieces", "task"]
    assert virtual_loop.is_closed()


def test_the_error_of_a_task_that_nobody_awaits_is_kept_and_not_logged(
    virtual_loop: VirtualLoop, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken() -> None:
        raise ValueError("no")

    virtual_loop.create_task(broken())
    virtual_loop.run_until_quiescent()
    gc.collect()
    assert virtual_loop.errors == ["ValueError: no"]
    assert not caplog.records
