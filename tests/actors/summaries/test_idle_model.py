"""The local model works on summaries only while no call wants it."""

import asyncio

import pytest

from actors.summaries.idle_model import FORGOTTEN_S, Calls, ModelDemand, TooBusy
from contracts.events import (
    Event,
    InterruptionDismissed,
    ReplyCompleted,
    ReplyDiscarded,
    ReplyStarted,
    SessionClosed,
    SpeechStarted,
    TurnEnded,
)


def floor_after(*facts: tuple[str, type[Event]]) -> ModelDemand:
    floor = ModelDemand()
    for session_id, event_class in facts:
        floor.take(session_id, event_class, 0)
    return floor


@pytest.mark.parametrize("begins", [SpeechStarted, TurnEnded, ReplyStarted])
@pytest.mark.parametrize("ends", [ReplyCompleted, ReplyDiscarded, InterruptionDismissed, SessionClosed])
def test_a_session_wants_the_model_from_speech_until_its_answer_is_written(
    begins: type[Event], ends: type[Event]
) -> None:
    assert not floor_after(("a", begins)).is_quiet(1)
    assert floor_after(("a", begins), ("a", ends)).is_quiet(1)
    assert not floor_after(("a", begins), ("b", ends)).is_quiet(1)


def test_a_session_that_fell_silent_is_not_waited_for_for_ever() -> None:
    floor = floor_after(("a", SpeechStarted))
    assert not floor.is_quiet(FORGOTTEN_S - 1)
    assert floor.is_quiet(FORGOTTEN_S + 1)


async def test_work_waits_until_the_answer_is_written() -> None:
    calls = Calls()
    calls.take("a", ReplyStarted)
    done: list[str] = []

    async def work() -> str:
        done.append("work")
        return "summary"

    working = asyncio.create_task(calls.between(work, 5))
    for _ in range(5):
        await asyncio.sleep(0)
    assert done == []
    calls.take("a", ReplyCompleted)
    assert await working == "summary"


async def test_work_is_stopped_when_somebody_speaks_and_begun_again_afterwards() -> None:
    calls = Calls()
    begun, stopped = 0, asyncio.Event()

    async def work() -> int:
        nonlocal begun
        begun += 1
        if begun == 1:
            calls.take("a", SpeechStarted)
            try:
                await asyncio.Event().wait()
            finally:
                stopped.set()
        return begun

    working = asyncio.create_task(calls.between(work, 5))
    await asyncio.wait_for(stopped.wait(), 2)
    calls.take("a", ReplyCompleted)
    assert await working == 2


async def test_without_a_quiet_moment_it_gives_up() -> None:
    calls = Calls()
    calls.take("a", SpeechStarted)

    async def work() -> None:
        raise AssertionError("never begun")

    with pytest.raises(TooBusy):
        await calls.between(work, 0.05)


async def test_what_work_raises_is_raised() -> None:
    async def work() -> None:
        raise TimeoutError("silent")

    with pytest.raises(TimeoutError, match="silent"):
        await Calls().between(work, 5)


async def test_of_many_that_wait_one_works_at_a_time() -> None:
    calls = Calls()
    calls.take("a", ReplyStarted)
    at_work, most, done = 0, 0, 0

    async def work() -> None:
        nonlocal at_work, most, done
        at_work += 1
        most = max(most, at_work)
        for _ in range(3):
            await asyncio.sleep(0)
        at_work -= 1
        done += 1

    waiting = [asyncio.create_task(calls.between(work, 20)) for _ in range(100)]
    await asyncio.sleep(0)
    calls.take("a", ReplyCompleted)
    await asyncio.gather(*waiting)
    assert (done, most) == (100, 1)


async def test_who_waits_behind_another_gives_up_in_its_own_time() -> None:
    calls = Calls()
    first = asyncio.create_task(calls.between(asyncio.Event().wait, 20))
    await asyncio.sleep(0)
    with pytest.raises(TooBusy):
        await calls.between(asyncio.Event().wait, 0.01)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
