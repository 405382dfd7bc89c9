"""What is the fallback chain's own: the order, and how an engine is asked again."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from infra.engines.chain import (
    ASKED_AGAIN,
    EngineFailure,
    EngineTooSlow,
    FallbackChain,
    TimedRests,
    TimeLimit,
    never_silent_for,
)


async def cancelled_elsewhere() -> None:
    elsewhere: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    elsewhere.cancel()
    await elsewhere


@pytest.mark.parametrize("times", [1, 2])
async def test_the_last_engine_is_asked_once_more_if_something_else_has_cancelled_it(times: int) -> None:
    asked: list[str] = []

    async def attempt(name: str) -> AsyncGenerator[str, None]:
        asked.append(name)
        if len(asked) <= times:
            await cancelled_elsewhere()
        yield "words"

    parts = [part async for part in FallbackChain(TimedRests(15), "used {}", "gave up").parts(["only"], attempt)]
    actions = [part.action if isinstance(part, EngineFailure) else part for part in parts]
    assert actions == [ASKED_AGAIN, "words" if times == 1 else "gave up"]
    assert asked == ["only", "only"]


async def test_a_page_of_an_error_is_cut() -> None:
    async def attempt(name: str) -> AsyncGenerator[str, None]:
        raise RuntimeError("<html>" * 1000)
        yield ""

    (failure,) = [part async for part in FallbackChain(TimedRests(15), "used {}", "gave up").parts(["only"], attempt)]
    assert isinstance(failure, EngineFailure)
    assert len(failure.error) == 500


async def test_work_that_heeds_no_cancellation_does_not_hold_its_caller_up() -> None:
    let_go = asyncio.Event()

    async def stubborn() -> None:
        while not let_go.is_set():
            try:
                await let_go.wait()
            except asyncio.CancelledError:
                continue

    limit = TimeLimit(0.01)
    with pytest.raises(EngineTooSlow, match=r"no answer within 0\.01 s"):
        await limit.answer(stubborn())
    let_go.set()


async def test_a_stream_without_a_limit_raises_its_own_timeout() -> None:
    async def late() -> AsyncGenerator[int, None]:
        yield 1
        raise TimeoutError

    parts = never_silent_for(None, late())
    assert await anext(parts) == 1
    with pytest.raises(TimeoutError):
        await anext(parts)
