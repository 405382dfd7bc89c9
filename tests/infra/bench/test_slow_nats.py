"""`daredevil bench slow-nats`: what is counted of turns under faults; the whole of it takes minutes."""

import asyncio
from pathlib import Path

import nats
import pytest
from nats.aio.client import Client

from contracts.codec import encode
from contracts.events import Event, TurnEnded, TurnRecorded
from contracts.topology import subject_of
from infra.bench import slow_nats
from infra.bench.slow_nats import FaultRun, SlowNatsFigures
from infra.bench.toxiproxy import toxiproxy_before
from infra.log.provisioning import provision
from tests.contracts.samples import sample
from tests.monitoring_tools import tool
from tests.servers import NatsServer


async def store(nc: Client, kind: type[Event], turn_id: str, event_id: str) -> None:
    event = sample(kind).model_copy(update={"turn_id": turn_id, "event_id": event_id})
    await nc.jetstream().publish(subject_of(event), encode(event), headers={"Nats-Msg-Id": event_id})


@pytest.mark.slow
async def test_turns_without_a_record_are_lost_and_those_with_two_are_double(
    nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slow_nats, "RECORDED_S", 0)
    nc = await nats.connect(nats_server.url)
    await provision(nc.jetstream())
    try:
        for turn in ("once", "unrecorded", "twice"):
            await store(nc, TurnEnded, turn, f"{turn}-ended")
        for number, turn in enumerate(("once", "twice", "twice")):
            await store(nc, TurnRecorded, turn, f"recorded-{number}")
        run = FaultRun("none", 3)
        await slow_nats._compare(nc, run, {"once", "unrecorded", "twice"})
    finally:
        await nc.close()
    assert (run.lost, run.double) == (1, 1)
    assert not SlowNatsFigures(1, [run]).is_whole
    assert SlowNatsFigures(1, [FaultRun("none", 3, answered=3)]).is_whole


@pytest.mark.slow
async def test_what_goes_through_the_proxy_is_late_and_its_connections_are_cut(
    nats_server: NatsServer, tmp_path: Path
) -> None:
    tool("toxiproxy-server")
    port = int(nats_server.url.rpartition(":")[2])
    lost, back = asyncio.Event(), asyncio.Event()

    async def told_lost() -> None:
        lost.set()

    async def told_back() -> None:
        back.set()

    async with toxiproxy_before("nats", port, tmp_path) as proxy:
        nc = await nats.connect(
            f"nats://127.0.0.1:{proxy.port}",
            disconnected_cb=told_lost,
            reconnected_cb=told_back,
            reconnect_time_wait=0.05,
        )
        loop = asyncio.get_running_loop()
        await proxy.delay(100)
        began_s = loop.time()
        await nc.flush()
        assert loop.time() - began_s >= 0.2
        await proxy.delay(0)
        await proxy.cut()
        async with asyncio.timeout(30):
            await lost.wait()
            await back.wait()
            await nc.flush()
        await nc.close()
