import asyncio

import pytest

from infra.process.tasks import again_and_again, cancellation_kept, result_or_none


async def test_work_cancelled_by_something_else_is_done_again_until_somebody_stops_the_task() -> None:
    done, enough = 0, asyncio.Event()

    async def work() -> None:
        nonlocal done
        done += 1
        if done == 2:
            cancelled: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            cancelled.cancel()
            await cancelled
        if done == 4:
            enough.set()
            await asyncio.Event().wait()

    working = asyncio.create_task(again_and_again(work, "work"))
    await asyncio.wait_for(enough.wait(), 5)
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert done == 4


async def test_work_that_fails_ends_it() -> None:
    async def work() -> None:
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        await asyncio.wait_for(again_and_again(work, "work"), 5)


async def test_work_whose_failure_does_not_matter_has_a_result_or_none() -> None:
    work: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    assert result_or_none(work) is None
    work.set_result(3)
    assert result_or_none(work) == 3
    failed: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    failed.set_exception(ValueError("no"))
    assert result_or_none(failed) is None
    cancelled: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    cancelled.cancel()
    assert result_or_none(cancelled) is None


@pytest.mark.parametrize("error", [None, ValueError("no")], ids=["an answer", "an error"])
async def test_a_cancellation_is_kept_that_comes_at_the_same_moment_as(error: Exception | None) -> None:
    answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def ask() -> None:
        with cancellation_kept():
            await asyncio.wait_for(answer, 5)

    asking = asyncio.create_task(ask())
    await asyncio.sleep(0)
    if error is None:
        answer.set_result(3)
    else:
        answer.set_exception(error)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking


async def test_an_error_without_a_cancellation_stays_as_it_is() -> None:
    with pytest.raises(ValueError, match="no"), cancellation_kept():
        raise ValueError("no")
