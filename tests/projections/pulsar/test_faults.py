"""The projection when it, Pulsar or NATS dies at the worst moment: nothing is missing, nothing double."""

import asyncio
import signal

import pytest
from faststream.nats import NatsBroker

from infra.log.connection import connection
from infra.settings import Settings
from infra.system.pulsar import PulsarServer
from projections.pulsar.verify import verify
from tests.projections.pulsar.facts import conversation, say_all
from tests.projections.pulsar.topics import caught_up, projecting
from tests.servers import NatsServer
from tests.waiting import until

pytestmark = pytest.mark.e2e

SESSIONS, TURNS = 50, 4


async def test_the_broker_is_killed_and_comes_back_while_facts_flow(
    broker: NatsBroker, config: Settings, pulsar_server: PulsarServer
) -> None:
    facts = [fact for n in range(SESSIONS) for fact in conversation(f"s-{n}", TURNS)]
    async with projecting(broker, config) as projector:
        saying = asyncio.create_task(say_all(broker, facts))
        await until(lambda: projector.status().position > 300, within_s=30)
        await asyncio.to_thread(pulsar_server.end, signal.SIGKILL)
        await saying
        await until(lambda: projector.status().state == "waiting", within_s=30)
        assert "Pulsar" in projector.status().reason
        pulsar_server.begin()
        await pulsar_server.ready()
        await caught_up(broker, projector)
    assert await verify(config, connection(broker)) == []


async def test_nats_goes_and_comes_back(broker: NatsBroker, config: Settings, nats_server: NatsServer) -> None:
    async with projecting(broker, config) as projector:
        await say_all(broker, conversation("s-1"))
        await caught_up(broker, projector)
        await nats_server.stop(signal.SIGKILL)
        await until(lambda: projector.status().state == "waiting", within_s=20)
        assert "NATS" in projector.status().reason
        await nats_server.start()
        await until(lambda: projector.status().state == "live", within_s=20)
        await say_all(broker, conversation("s-2"))
        await caught_up(broker, projector)
    assert await verify(config, connection(broker)) == []


async def test_it_waits_for_a_pulsar_that_is_not_there(broker: NatsBroker, config: Settings) -> None:
    nowhere = config.model_copy(update={"pulsar_admin_url": "http://127.0.0.1:1", "pulsar_url": "pulsar://127.0.0.1:1"})
    async with projecting(broker, nowhere) as projector:
        await until(lambda: projector.status().state == "waiting", within_s=20)
        assert "Pulsar's admin API at http://127.0.0.1:1/admin/v2 does not answer" in projector.status().reason
