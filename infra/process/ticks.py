"""Clocks that tick together: what wakes a process costs more than what it does then."""

import asyncio


async def next_tick(every_s: float) -> None:
    """Sleep until the event loop's time is a multiple of `every_s`, half of that at least.

    All that sleep so on one loop wake at once, however many there are.
    """
    left_s = every_s - asyncio.get_running_loop().time() % every_s
    await asyncio.sleep(left_s if left_s >= every_s / 2 else left_s + every_s)
