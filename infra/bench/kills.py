"""A projection killed again and again while facts flow, and whether each fact is there afterwards exactly once."""

import asyncio
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from contracts.events import Event
from infra.bench.conversations import conversations
from infra.bench.filling import IN_FLIGHT, fill_log
from infra.bench.under_test import UnderTest

START_S = 60.0
CATCH_UP_S = 600.0
PIECE = 50
"""Facts appended at a time: few enough that the projection is killed while facts arrive."""

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class KillFigures:
    """The outcome; `behind` is the number of kills at which the log had facts that were not stored yet."""

    projection: str
    facts: int
    kills: int
    behind: int
    seconds: float
    differences: list[str] = field(default_factory=list)


async def measure_kills(projection: UnderTest, facts: int, kills: int, report: Report, seed: int = 4) -> KillFigures:
    """Append facts while copies of the projection are killed at random times, then compare with the log.

    Raises RuntimeError if the projection stops, TimeoutError if it makes no progress, nats errors.
    """
    chance = random.Random(seed)
    began_s = time.monotonic()
    coming = conversations(facts)
    each, behind = facts // (kills + 1), 0
    async with projection.kind.server():
        for kill in range(kills):
            await projection.start()
            await projection.at_work(0, START_S)
            filling = asyncio.create_task(_fill(projection, islice(coming, each)), name="filling the log")
            try:
                await projection.at_work(kill * each + chance.randrange(each), CATCH_UP_S)
                await asyncio.sleep(chance.uniform(0, 0.02))
                last = await projection.status()
                await projection.kill()
            finally:
                await filling
            behind += last["position"] < last["log_end"]
            if (kill + 1) % 10 == 0:
                report(f"{kill + 1} kills, {(kill + 1) * each} facts")
        await projection.start()
        await _fill(projection, coming)
        await projection.at_work(facts, CATCH_UP_S)
        report("comparing with the log")
        differences = await projection.kind.verify(projection.nc)
    seconds = round(time.monotonic() - began_s, 1)
    return KillFigures(projection.kind.name, facts, kills, behind, seconds, differences)


async def _fill(projection: UnderTest, facts: Iterator[Event]) -> None:
    js = projection.nc.jetstream(publish_async_max_pending=2 * IN_FLIGHT)
    while piece := list(islice(facts, PIECE)):
        await fill_log(js, piece)
