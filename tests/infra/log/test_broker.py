"""What every process has: the codec, health, and an end that comes when it is asked for."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvloop
from faststream.nats import NatsBroker

from infra.log.broker import make_app, make_broker, nats_url
from infra.log.connection import connection, jetstream
from infra.log.provisioning import missing_durables
from infra.log.readiness import UNABLE
from infra.runtime import NotRunning
from infra.settings import settings
from infra.system.supervisor import GRACE_S
from tests.infra.log.copies import turn_ended
from tests.servers import NatsServer, running_nats
from tests.waiting import until


async def test_an_app_provisions_answers_health_and_closes_before_its_broker(nats_server: NatsServer) -> None:
    broker = make_broker("part")
    life: list[str] = []

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        life.append("opened" if await missing_durables(jetstream(broker), ("reasoning",)) == [] else "unprovisioned")
        yield
        life.append("closed, connected" if connection(broker).is_connected else "closed too late")

    app = make_app("part", broker, lifespan, lambda: ("hear", "speak"))
    running = asyncio.create_task(app.run())
    await until(lambda: life)
    asker = make_broker("asker")
    await asker.connect()
    nc = connection(asker)
    answer, headers = b"", {}
    for _ in range(500):
        try:
            message = await nc.request("health.part", b"", timeout=1)
            answer, headers = message.data, message.headers or {}
        except Exception:
            await asyncio.sleep(0.02)
        else:
            break
    assert answer == str(os.getpid()).encode()
    assert headers[UNABLE] == "hear,speak"
    app.exit()
    await asyncio.wait_for(running, 10)
    assert life == ["opened", "closed, connected"]
    await asker.stop()


async def test_events_go_out_as_messagepack_and_say_so(broker: NatsBroker) -> None:
    nc = connection(broker)
    subscription = await nc.subscribe("plain.subject")
    await broker.publish(turn_ended(1), "plain.subject")
    message = await subscription.next_msg(timeout=5)
    assert message.headers is not None
    assert message.headers["content-type"] == "application/msgpack"
    assert message.data[0] & 0xF0 == 0x80  # a small MessagePack map


async def test_a_process_stops_while_nats_is_away(nats_server: NatsServer) -> None:
    broker = make_broker("part")
    await broker.connect()
    await nats_server.stop(signal.SIGKILL)
    await until(lambda: not connection(broker).is_connected)
    await asyncio.wait_for(broker.stop(), 10)


def test_what_waits_for_a_nats_that_is_away_does_not_make_the_end_of_a_process_fail(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In the event loop that processes have: uvloop refuses to write to a socket that is closed."""

    async def live() -> None:
        async with running_nats(tmp_path) as server:
            monkeypatch.setenv("DAREDEVIL_NATS_URL", server.url)
            settings.cache_clear()
            broker = make_broker("part")
            await broker.connect()
            await server.stop(signal.SIGKILL)
            await until(lambda: connection(broker).is_reconnecting)
            await connection(broker).publish("plain.subject", b"waits")
            await broker.stop()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(live())


async def assert_stops_in_its_grace(nats_server: NatsServer) -> None:
    """Check that a part that is connected stops while the server is frozen."""
    broker = make_broker("part")
    await broker.connect()
    nc = connection(broker)
    await nc.subscribe("plain.subject")
    nats_server.freeze()
    try:
        await asyncio.wait_for(broker.stop(), GRACE_S)
        assert nc.is_closed
    finally:
        nats_server.thaw()


async def test_a_process_stops_in_its_grace_while_nats_hangs(nats_server: NatsServer) -> None:
    """As where its network has gone, with the container or the machine: nothing says that the connection is lost."""
    await assert_stops_in_its_grace(nats_server)


async def test_a_process_stops_in_its_grace_while_nats_hangs_since_it_answered(
    nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answered(_: object) -> bool:
        return True

    monkeypatch.setattr("infra.log.broker.answers", answered)
    await assert_stops_in_its_grace(nats_server)


async def test_without_a_running_system_the_error_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("DAREDEVIL_NATS_URL", raising=False)
    monkeypatch.setenv("DAREDEVIL_DATA_DIR", str(tmp_path))
    settings.cache_clear()
    with pytest.raises(NotRunning, match="make run"):
        nats_url()
    settings.cache_clear()
