"""How long a call waits for people to come back."""

import asyncio

from bridge.call.grace import Grace
from tests.waiting import until


async def test_when_nobody_comes_back_in_time_it_says_why() -> None:
    over: list[str] = []
    grace = Grace("s-1", lambda: False, over.append)
    grace.begin("vanished", 0.05)
    assert grace.is_running
    grace.begin("left", 0)  # it waits already
    await until(lambda: over)
    assert (over, grace.is_running) == (["vanished"], False)


async def test_who_is_back_ends_the_waiting() -> None:
    over: list[str] = []
    grace = Grace("s-1", lambda: False, over.append)
    grace.begin("vanished", 0.05)
    grace.stop()
    assert not grace.is_running
    grace.begin("left", 0.1)  # counts by itself
    await until(lambda: over)
    assert over == ["left"]


async def test_while_the_log_is_away_the_time_does_not_count() -> None:
    over: list[str] = []
    looks = 0

    def is_log_away() -> bool:
        nonlocal looks
        looks += 1
        return looks < 20

    grace = Grace("s-1", is_log_away, over.append)
    begun_s = asyncio.get_running_loop().time()
    grace.begin("vanished", 0.01)
    await until(lambda: over)
    assert looks >= 20
    assert asyncio.get_running_loop().time() - begun_s > 19 * 0.01
