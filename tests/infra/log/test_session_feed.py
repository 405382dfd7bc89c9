"""A session's facts as they are stored: no gap, no repetition, whatever happens to the connection."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from faststream.nats import NatsBroker

from infra.log.broker import make_broker
from infra.log.connection import connection
from infra.log.event_log import append, facts_after
from infra.log.session_feed import SessionFeed
from infra.settings import settings
from tests.infra.log.copies import clause, turn_ended
from tests.servers import NatsServer
from tests.waiting import until


@asynccontextmanager
async def following(broker: NatsBroker, session: str = "s-1", after: int = 0) -> AsyncIterator[list[str]]:
    """Collect the ids of a feed's facts."""
    ids: list[str] = []

    async def follow(feed: SessionFeed) -> None:
        async for fact in feed:
            ids.append(fact.event.event_id)

    async with SessionFeed(broker, session, after, check_every_s=0.2) as feed:
        task = asyncio.create_task(follow(feed))
        yield ids
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_feed_begins_with_what_was_said_before_and_goes_on(broker: NatsBroker) -> None:
    for n in range(3):
        await append(broker, turn_ended(n))
    await append(broker, turn_ended(0, session="s-2"))
    async with following(broker) as ids:
        await until(lambda: len(ids) == 3)
        await append(broker, clause(0))
        await append(broker, turn_ended(3))
        await until(lambda: len(ids) == 5)
    assert ids == ["s-1:t0", "s-1:t1", "s-1:t2", "s-1:c0", "s-1:t3"]


async def test_a_feed_can_begin_after_a_fact(broker: NatsBroker) -> None:
    sequences = [await append(broker, turn_ended(n)) for n in range(3)]
    async with following(broker, after=sequences[1]) as ids:
        await until(lambda: ids == ["s-1:t2"])


async def test_facts_said_while_the_feed_begins_come_once(broker: NatsBroker) -> None:
    for n in range(20):
        await append(broker, turn_ended(n))
    async with following(broker) as ids:
        for n in range(20, 60):
            await append(broker, turn_ended(n))
        await until(lambda: len(ids) >= 60)
    assert ids == [f"s-1:t{n}" for n in range(60)]


async def test_a_feed_skips_what_is_no_event(broker: NatsBroker) -> None:
    async with following(broker) as ids:
        await connection(broker).publish("voice.s-1.turn.ended", b"\xc1")
        await connection(broker).publish("voice.s-1.moon.risen", b"\x80")
        await append(broker, turn_ended(1))
        await until(lambda: ids == ["s-1:t1"])


async def test_a_fact_stored_twice_is_fed_once(broker: NatsBroker) -> None:
    async with following(broker) as ids:
        for _ in range(2):  # without its id in the header: as if the dedup window had passed
            await broker.publish(turn_ended(1), "voice.s-1.turn.ended", stream="VOICE", timeout=5)
        await append(broker, turn_ended(2))
        await until(lambda: "s-1:t2" in ids)
    assert ids == ["s-1:t1", "s-1:t2"]


async def test_a_feed_that_falls_behind_reads_the_log_and_misses_nothing(broker: NatsBroker) -> None:
    async with SessionFeed(broker, "s-1") as feed:
        facts = feed.__aiter__()
        await append(broker, turn_ended(0))
        ids = [(await anext(facts)).event.event_id]
        for start in range(1, 1301, 100):  # more than its queue holds, while nobody takes from it
            await asyncio.gather(*(append(broker, turn_ended(n)) for n in range(start, start + 100)))
        while len(ids) < 1301:
            ids.append((await asyncio.wait_for(anext(facts), 10)).event.event_id)
        await append(broker, turn_ended(1301))
        last = (await asyncio.wait_for(anext(facts), 10)).event.event_id
    assert sorted(ids) == sorted(f"s-1:t{n}" for n in range(1301))
    assert last == "s-1:t1301"


async def test_nothing_is_missed_or_repeated_when_nats_is_killed(broker: NatsBroker, nats_server: NatsServer) -> None:
    async with following(broker) as ids:
        for n in range(10):
            await append(broker, turn_ended(n))
        await until(lambda: len(ids) == 10)
        for n in (10, 20):
            await nats_server.stop(signal.SIGKILL)
            saying = [asyncio.create_task(append(broker, turn_ended(m), patience_s=30)) for m in range(n, n + 10)]
            await nats_server.start()
            await asyncio.gather(*saying)
        await until(lambda: len(ids) >= 30)
        await append(broker, turn_ended(30))
        await until(lambda: "s-1:t30" in ids)
    assert sorted(ids) == sorted(f"s-1:t{n}" for n in range(31))


@asynccontextmanager
async def held_link(port: int) -> AsyncIterator[tuple[int, asyncio.Event]]:
    """A port that leads to another one; what clients send waits while the event is not set."""
    may_pass = asyncio.Event()
    may_pass.set()

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, held: bool) -> None:
        while data := await reader.read(65536):
            if held:
                await may_pass.wait()
            writer.write(data)
        writer.close()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(pass_on(reader, there[1], True), pass_on(there[0], writer, False))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], may_pass
    finally:
        server.close()


async def test_a_fact_stored_while_the_subscription_is_on_its_way_is_not_missed(
    broker: NatsBroker, nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process with two users reads the log by a second connection, which may be ahead of the first."""
    async with held_link(int(nats_server.url.rpartition(":")[2])) as (port, may_pass):
        monkeypatch.setenv("DAREDEVIL_NATS_URL", f"nats://127.0.0.1:{port}")
        settings.cache_clear()
        listening = make_broker("test")
        await listening.connect()
        monkeypatch.setattr(connection(listening), "asks_jetstream", connection(broker))
        may_pass.clear()
        async with following(listening) as ids:
            await facts_after(listening, "s-1")
            await append(broker, turn_ended(1))
            may_pass.set()
            await append(broker, turn_ended(2))
            await until(lambda: "s-1:t2" in ids)
        assert ids == ["s-1:t1", "s-1:t2"]
        await listening.stop()
