"""A projection whose server is down for long while facts flow, and whether each fact is there after it, once."""

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from contracts.events import Event
from infra.bench.conversations import conversations
from infra.bench.filling import fill_log
from infra.bench.under_test import UnderTest

START_S = 60.0
CATCH_UP_S = 600.0
BEFORE_S = 5.0
REPORT_EVERY_S = 60.0

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class OutageFigures:
    """The outcome. `state` and `reason` are what the projection reported just before the server came back.

    `caught_up_s` is measured from when the server was ready again.
    """

    projection: str
    down_s: float
    facts_before: int
    facts_while_down: int
    state: str
    reason: str
    caught_up_s: float
    differences: list[str] = field(default_factory=list)


async def measure_outage(projection: UnderTest, down_s: float, facts_per_s: int, report: Report) -> OutageFigures:
    """Append facts, stop the server for a while, start it again, and compare with the log once everything is stored.

    Raises RuntimeError if the projection stops, TimeoutError if it does not catch up, nats errors.
    """
    coming = conversations(10**9)
    async with projection.kind.server():
        await projection.start()
        await projection.at_work(0, START_S)
        before = await _flow(projection, coming, BEFORE_S, facts_per_s, report)
        report(f"{before} facts are in the log; stopping the server")
    began_s = time.monotonic()
    last = await _flow(projection, coming, down_s, facts_per_s, report)
    found = await projection.status()
    away_s = time.monotonic() - began_s
    async with projection.kind.server():
        report("the server is back")
        back_s = time.monotonic()
        last = await _flow(projection, coming, BEFORE_S, facts_per_s, report)
        await projection.at_work(last, CATCH_UP_S)
        caught_up_s = time.monotonic() - back_s
        report("comparing with the log")
        differences = await projection.kind.verify(projection.nc)
    return OutageFigures(
        projection=projection.kind.name,
        down_s=round(away_s, 1),
        facts_before=before,
        facts_while_down=found["log_end"] - before,
        state=found["state"],
        reason=found["reason"],
        caught_up_s=round(caught_up_s, 1),
        differences=differences,
    )


async def _flow(projection: UnderTest, facts: Iterator[Event], seconds: float, per_s: int, report: Report) -> int:
    """Append facts for a while, at an even pace; return the sequence of the last."""
    js, began_s, reported, last = projection.nc.jetstream(), time.monotonic(), 1, 0
    pieces = max(1, round(seconds * 10))
    for number in range(pieces):
        last = await fill_log(js, islice(facts, max(1, per_s // 10)))
        spent_s = time.monotonic() - began_s
        if spent_s > reported * REPORT_EVERY_S:
            report(
                f"{spent_s:.0f} s, {last} facts in the log, the projection is {(await projection.status())['state']}"
            )
            reported += 1
        await asyncio.sleep(max(0, (number + 1) * seconds / pieces - spent_s))
    return last
