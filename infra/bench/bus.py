"""What the log costs: hops of a turn, and events a second through one actor, with fsync on.

It runs on a NATS server of its own, configured as the embedded one, on the disk of the data directory: the log of
the system is not touched. The actors are stand-ins that only append the next fact, so all the time measured is the
log's.
"""

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from faststream.nats import NatsBroker
from nats.js import JetStreamContext

from contracts.events import ClauseSynthesized, TurnEnded
from contracts.ids import derive_id, new_session_id
from contracts.topology import PERSISTENCE
from infra.bench.statistics import percentile
from infra.log.broker import make_broker
from infra.log.connection import jetstream
from infra.log.event_log import Fact, append, now_ns
from infra.log.log_streams import client_of, streams_of_log
from infra.log.provisioning import provision
from infra.log.session_feed import SessionFeed
from infra.system.processes import standing_apart

START_TIMEOUT_S = 60
IDLE_ACTOR = PERSISTENCE
"""It receives every fact; its stand-in appends none."""
TURN_TIMEOUT_S = 10


@dataclass(frozen=True, slots=True)
class BusFigures:
    """Added latency of the log per turn in ms, and events a second through one actor.

    `store_…_ms` is how long storing one fact takes: the lower bound on this disk and machine.
    """

    turns: int
    store_p50_ms: float
    store_p95_ms: float
    p50_ms: float
    p95_ms: float
    max_ms: float
    hops_p50_ms: dict[str, float]
    events: int
    events_per_s: float


@asynccontextmanager
async def _actor(durable: str) -> AsyncIterator[None]:
    """Run the stand-in for an actor as a separate process, which is ready when the block begins."""
    process = await asyncio.create_subprocess_exec(
        *standing_apart(sys.executable, "-m", "infra.bench.stand_in", durable), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        if await asyncio.wait_for(process.stdout.readline(), START_TIMEOUT_S) != b"ready\n":
            raise RuntimeError(f"the stand-in for {durable} did not start")
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


def _turn(session_id: str, number: int) -> TurnEnded:
    turn_id = derive_id(f"{session_id}:{number}", "turn")
    text = "What would be a good place to go for a walk on a Sunday?"
    return TurnEnded(
        event_id=turn_id, session_id=session_id, time_ns=now_ns(), turn_id=turn_id, participant_id="p", text=text
    )


async def measure_stores(count: int) -> list[float]:
    """Return how many ms each of `count` facts took to be stored, one after the other."""
    writer = make_broker("bench-writer")
    await writer.connect()
    await provision(jetstream(writer))
    session_id, times = new_session_id(), []
    try:
        for number in range(count):
            began_s = time.perf_counter()
            await append(writer, _turn(session_id, number))
            times.append((time.perf_counter() - began_s) * 1000)
    finally:
        await writer.stop()
    return times


async def measure_turns(turns: int, warm_up: int = 20) -> tuple[list[float], dict[str, list[float]]]:
    """Return the latency in ms of each turn, and of each of its hops, from its end to the last fact at the door."""
    totals: list[float] = []
    hops: dict[str, list[float]] = {}
    door = make_broker("bench-door")
    await door.connect()
    await provision(jetstream(door))
    session_id = new_session_id()
    try:
        async with _actor("reasoning"), _actor("synthesis"), SessionFeed(door, session_id) as feed:
            facts = aiter(feed)
            for number in range(warm_up + turns):
                times = await _one_turn(door, facts, _turn(session_id, number))
                if number >= warm_up:
                    totals.append(sum(times.values()))
                    for name, ms in times.items():
                        hops.setdefault(name, []).append(ms)
    finally:
        await door.stop()
    return totals, hops


async def _one_turn(door: NatsBroker, facts: AsyncIterator[Fact], turn: TurnEnded) -> dict[str, float]:
    """Append the end of a turn; return how many ms after the previous fact each fact reached the door."""
    times: dict[str, float] = {}
    last_s = time.perf_counter()
    saying = asyncio.create_task(append(door, turn))
    while ClauseSynthesized.__name__ not in times:
        fact = await asyncio.wait_for(anext(facts), TURN_TIMEOUT_S)
        at_s = time.perf_counter()
        times[type(fact.event).__name__] = (at_s - last_s) * 1000
        last_s = at_s
    await saying
    return times


async def _waiting(js: JetStreamContext) -> tuple[int, int]:
    """Return how many facts the idle actor has not been given, and how many it has not acknowledged."""
    names = (await streams_of_log(client_of(js))).names
    infos = [await js.consumer_info(name, IDLE_ACTOR) for name in names]
    return sum(info.num_pending or 0 for info in infos), sum(info.num_ack_pending or 0 for info in infos)


async def measure_rate(events: int, sessions: int = 50) -> float:
    """Return how many stored events per second one actor receives and acknowledges."""
    writer = make_broker("bench-writer")
    await writer.connect()
    js = jetstream(writer)
    await provision(js)
    prefix, each = new_session_id(), events // sessions
    try:
        await asyncio.gather(*(_fill(writer, f"{prefix}-{number}", each) for number in range(sessions)))
        waiting = (await _waiting(js))[0]
        async with _actor(IDLE_ACTOR):
            began_s: float | None = None
            while True:
                left, unacknowledged = await _waiting(js)
                if began_s is None and left != waiting:
                    began_s, waiting = time.perf_counter(), left
                if began_s is not None and not left and not unacknowledged:
                    return waiting / (time.perf_counter() - began_s)
                await asyncio.sleep(0.01)
    finally:
        await writer.stop()


async def _fill(broker: NatsBroker, session_id: str, count: int) -> None:
    for number in range(count):
        await append(broker, _turn(session_id, number))


async def measure_bus(turns: int, events: int) -> BusFigures:
    """Measure both."""
    stores = await measure_stores(turns)
    totals, hops = await measure_turns(turns)
    rate = await measure_rate(events)
    return BusFigures(
        turns=turns,
        store_p50_ms=round(percentile(stores, 0.5), 2),
        store_p95_ms=round(percentile(stores, 0.95), 2),
        p50_ms=round(percentile(totals, 0.5), 2),
        p95_ms=round(percentile(totals, 0.95), 2),
        max_ms=round(max(totals), 2),
        hops_p50_ms={name: round(percentile(times, 0.5), 2) for name, times in hops.items()},
        events=events,
        events_per_s=round(rate),
    )
