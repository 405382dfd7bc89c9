"""What every process measures of itself: CPU, memory, and how late the timers of its event loop fire."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

import psutil

from infra.metrics import table as t
from infra.metrics.metric import Observed, one
from infra.process.tasks import again_and_again, ended

LOOK_S = 0.5


@asynccontextmanager
async def process_measured() -> AsyncIterator[None]:
    """Measure this process within a block."""
    process = psutil.Process(os.getpid())

    def cpu() -> Observed:
        times = process.cpu_times()
        return [(times.user, ("user",)), (times.system, ("system",))]

    with ExitStack() as stack:
        stack.enter_context(t.CPU_TIME.observed_by(cpu))
        stack.enter_context(t.MEMORY.observed_by(one(lambda: process.memory_info().rss)))
        stack.enter_context(t.THREADS.observed_by(one(process.num_threads)))
        stack.enter_context(t.DESCRIPTORS.observed_by(one(process.num_fds)))
        stack.enter_context(t.UPTIME.observed_by(one(lambda: time.time() - process.create_time())))
        watching = asyncio.create_task(watch_loop(), name="lag of the event loop")
        try:
            yield
        finally:
            await ended(watching)


async def watch_loop(look_s: float = LOOK_S) -> None:
    """Measure again and again how late a timer fires, until cancelled."""
    loop = asyncio.get_running_loop()

    async def look() -> None:
        due_s = loop.time() + look_s
        await asyncio.sleep(look_s)
        t.LOOP_LAG.record(max(0.0, loop.time() - due_s))

    await again_and_again(look, "lag of the event loop")
