"""What ticks on one loop ticks at the same moments."""

import pytest

from infra.process.ticks import next_tick
from infra.process.virtual_loop import VirtualLoop


def test_all_wake_at_the_same_moments_whenever_they_began() -> None:
    loop, woken = VirtualLoop(at_s=10.0), list[list[float]]()

    async def tick() -> None:
        mine: list[float] = []
        woken.append(mine)
        for _ in range(3):
            await next_tick(0.05)
            mine.append(loop.time())

    for began_s in (10.0, 10.013, 10.02):
        loop.advance_to(began_s)
        loop.create_task(tick())
        loop.run_until_quiescent()
    for at_s in (10.05, 10.1, 10.15, 10.2):
        loop.advance_to(at_s)
        loop.run_until_quiescent()
    assert woken == [pytest.approx([10.05, 10.1, 10.15])] * 3


@pytest.mark.parametrize("at_s", [10.03, 10.0499999, 10.0500001])
def test_none_is_much_shorter_or_longer_than_the_others(at_s: float) -> None:
    loop = VirtualLoop(at_s=at_s)
    tick = loop.create_task(next_tick(0.05))
    loop.run_until_quiescent()
    loop.advance_to(at_s + 0.0249)
    loop.run_until_quiescent()
    assert not tick.done()
    loop.advance_to(at_s + 0.0751)
    loop.run_until_quiescent()
    assert tick.done()
