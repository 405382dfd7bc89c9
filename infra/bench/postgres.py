"""How fast the tables follow the log on this machine: all of it at once, one fact at a time, and in a rebuild.

The benchmark runs its own NATS and Postgres, so that no real log or table is touched.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nats
from nats.aio.client import Client

from infra.bench.conversations import conversations
from infra.bench.filling import IN_FLIGHT, fill_log
from infra.bench.own_postgres import own_postgres
from infra.bench.statistics import percentile
from infra.system.own_nats import own_nats
from projections.postgres.projector import PostgresProjector
from projections.postgres.rebuild import rebuild
from projections.postgres.schema import connect
from projections.postgres.tables import place_of

LIVE_FACTS, LIVE_PAUSE_S = 300, 0.01

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class PostgresFigures:
    """What was measured.

    `catch_up_per_s` is from empty tables until they are live, with the index of embeddings. The lag is from a fact
    being stored to its row being seen by another connection.
    """

    events: int
    catch_up_per_s: int
    without_index_per_s: int
    live_lag_p50_ms: float
    live_lag_p95_ms: float
    live_lag_max_ms: float
    rebuild_s: float
    rebuild_per_s: int


async def measure_postgres(events: int, folder: Path, report: Report) -> PostgresFigures:
    """Measure with so many generated events, in an empty `folder` on the disk to measure."""
    async with own_nats(folder) as log, await nats.connect(log.url) as nc, own_postgres(folder) as url:
        report(f"filling a log with {events} events")
        await fill_log(nc.jetstream(publish_async_max_pending=2 * IN_FLIGHT), conversations(events))
        report("catching up")
        projector = PostgresProjector(nc, url)
        began_s = time.perf_counter()
        work = asyncio.create_task(projector.run(), name="projection")
        try:
            await _reached(projector, events)
            kept_s = time.perf_counter() - began_s
            await _live(projector)
            indexed_s = time.perf_counter() - began_s
            report("one fact at a time")
            lags = await _live_lags(nc, url, events)
            report("rebuilding")
            rebuilt = await rebuild(url, nc, lambda *_: None)
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
    return PostgresFigures(
        events=events,
        catch_up_per_s=round(events / indexed_s),
        without_index_per_s=round(events / kept_s),
        live_lag_p50_ms=round(percentile(lags, 0.5), 1),
        live_lag_p95_ms=round(percentile(lags, 0.95), 1),
        live_lag_max_ms=round(max(lags), 1),
        rebuild_s=round(rebuilt.seconds, 1),
        rebuild_per_s=round(rebuilt.events / rebuilt.seconds),
    )


async def _reached(projector: PostgresProjector, sequence: int) -> None:
    while projector.status().position < sequence:
        _check(projector)
        await asyncio.sleep(0.01)


async def _live(projector: PostgresProjector) -> None:
    while projector.status().state != "live":
        _check(projector)
        await asyncio.sleep(0.01)


def _check(projector: PostgresProjector) -> None:
    status = projector.status()
    if status.state == "stopped":
        raise RuntimeError(f"the projection stopped: {status.reason}")


async def _live_lags(nc: Client, url: str, before: int) -> list[float]:
    """Return how many ms after it was stored each fact was visible in the tables to another connection."""
    js, lags = nc.jetstream(), []
    async with await connect(url) as conn:
        for number, fact in enumerate(conversations(LIVE_FACTS, seed=2), before + 1):
            await fill_log(js, [fact])
            began_s = time.perf_counter()
            while (await place_of(conn, 1)).positions.total < number:  # noqa: ASYNC110 (as other programs poll)
                await asyncio.sleep(0.001)
            lags.append((time.perf_counter() - began_s) * 1000)
            await asyncio.sleep(LIVE_PAUSE_S)
    return lags
