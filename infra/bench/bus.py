"""What the log costs: hops of a turn, and events a second through one actor, with fsync on.

It runs on a NATS server of its own, configured as the embedded one, on the disk of the data directory: nothing is
put into the log of the system. The actors do nothing but say the next fact, so all time is the log's.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from faststream.nats import NatsBroker

from contracts.events import ClauseSynthesized, Event, ReplyClauseWritten, ReplyStarted, TurnEnded
from contracts.ids import derive_id
from infra.bench.statistics import percentile
from infra.broker import make_broker
from infra.connection import jetstream
from infra.facts import now_ns, say
from infra.feed import SessionFeed
from infra.inbox import Inbox
from infra.provisioning import provision

TURN_TIMEOUT_S = 10


@dataclass(frozen=True, slots=True)
class BusFigures:
    """Added latency of the log per turn in ms, and events a second through one actor."""

    turns: int
    p50_ms: float
    p95_ms: float
    max_ms: float
    hops_p50_ms: dict[str, float]
    events: int
    events_per_s: float


@asynccontextmanager
async def _actor(durable: str, replies: bool) -> AsyncIterator[NatsBroker]:
    """Run an actor that answers with the next fact of a turn at once, or does nothing."""
    broker = make_broker(f"bench-{durable}")

    async def handle(event: Event) -> None:
        if replies:
            for fact in _answers(event):
                await say(broker, fact)

    inbox = Inbox(broker, durable, handle)
    await broker.connect()
    await provision(jetstream(broker))
    await inbox.open()
    await broker.start()
    try:
        yield broker
    finally:
        await inbox.close()
        await broker.stop()


def _answers(event: Event) -> list[Event]:
    common = {"session_id": event.session_id, "cause_id": event.event_id, "turn_id": event.turn_id}

    def fact_id(name: str) -> str:
        return derive_id(event.event_id, name)

    if isinstance(event, TurnEnded):
        reply_id = fact_id("reply")
        return [
            ReplyStarted(event_id=reply_id, time_ns=now_ns(), reply_id=reply_id, text=event.text, **common),
            ReplyClauseWritten(
                event_id=fact_id("clause"), time_ns=now_ns(), reply_id=reply_id, index=0, text="Certainly.", **common
            ),
        ]
    if isinstance(event, ReplyClauseWritten):
        sound = {"samples": 24_000, "sample_rate_hz": 24_000}
        ids = {"event_id": fact_id("sound"), "reply_id": event.reply_id, "index": 0}
        return [ClauseSynthesized(time_ns=now_ns(), text=event.text, **ids, **sound, **common)]
    return []


def _turn(session_id: str, number: int) -> TurnEnded:
    turn_id = derive_id(f"{session_id}:{number}", "turn")
    text = "What would be a good place to go for a walk on a Sunday?"
    return TurnEnded(
        event_id=turn_id, session_id=session_id, time_ns=now_ns(), turn_id=turn_id, participant_id="p", text=text
    )


async def measure_turns(turns: int) -> tuple[list[float], dict[str, list[float]]]:
    """Return the latency in ms of each turn, and of each of its hops, from its end to the last fact at the door."""
    totals: list[float] = []
    hops: dict[str, list[float]] = {}
    async with AsyncExitStack() as stack:
        for durable in ("reasoning", "synthesis"):
            await stack.enter_async_context(_actor(durable, replies=True))
        door = make_broker("bench-door")
        await door.connect()
        stack.push_async_callback(door.stop)
        feed = await stack.enter_async_context(SessionFeed(door, "bench"))
        facts = aiter(feed)
        for number in range(turns):
            began_s = last_s = time.perf_counter()
            saying = asyncio.create_task(say(door, _turn("bench", number)))
            while True:
                fact = await asyncio.wait_for(anext(facts), TURN_TIMEOUT_S)
                at_s = time.perf_counter()
                hops.setdefault(type(fact.event).__name__, []).append((at_s - last_s) * 1000)
                last_s = at_s
                if isinstance(fact.event, ClauseSynthesized):
                    break
            totals.append((last_s - began_s) * 1000)
            await saying
    return totals, hops


async def measure_rate(events: int, sessions: int = 50) -> float:
    """Return how many stored events a second one actor takes and acknowledges."""
    writer = make_broker("bench-writer")
    await writer.connect()
    await provision(jetstream(writer))
    js = jetstream(writer)
    try:
        await asyncio.gather(*(_fill(writer, f"rate-{number}", events // sessions) for number in range(sessions)))
        async with _actor("reasoning", replies=False):
            began_s = time.perf_counter()
            while True:
                info = await js.consumer_info("VOICE", "reasoning")
                if not info.num_pending and not info.num_ack_pending:
                    return events / (time.perf_counter() - began_s)
                await asyncio.sleep(0.01)
    finally:
        await writer.stop()


async def _fill(broker: NatsBroker, session_id: str, count: int) -> None:
    for number in range(count):
        await say(broker, _turn(session_id, number))


async def measure_bus(turns: int, events: int) -> BusFigures:
    """Measure both. The rate comes first: it leaves the actor's inbox empty for the turns."""
    rate = await measure_rate(events)
    await measure_turns(10)  # warm
    totals, hops = await measure_turns(turns)
    return BusFigures(
        turns=turns,
        p50_ms=round(percentile(totals, 0.5), 2),
        p95_ms=round(percentile(totals, 0.95), 2),
        max_ms=round(max(totals), 2),
        hops_p50_ms={name: round(percentile(times, 0.5), 2) for name, times in hops.items()},
        events=events,
        events_per_s=round(rate),
    )
