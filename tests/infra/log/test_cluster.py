"""A cluster of three servers keeps every acknowledged fact, once, when the leader of the log is killed."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import nats
import pytest
from nats.errors import Error as NatsError
from nats.js import JetStreamContext

from contracts.events import TurnEnded
from contracts.topology import AUDIO, log_streams
from infra.log.broker import make_broker
from infra.log.connection import connection, jetstream
from infra.log.event_log import append
from infra.log.log_streams import log_infos, log_messages
from infra.log.nats_users import mappings
from infra.log.provisioning import plan, provision
from infra.settings import settings
from infra.system.nats import free_port
from tests.infra.log.copies import turn_ended
from tests.servers import NatsServer
from tests.waiting import until_async

pytestmark = pytest.mark.slow

FACTS, WRITERS, SESSIONS = 300, 6, 20


def fact(number: int) -> TurnEnded:
    return turn_ended(number, f"s-{number % SESSIONS}")


@asynccontextmanager
async def cluster(folder: Path, partitions: int) -> AsyncIterator[dict[str, NatsServer]]:
    """Run three servers that know one another, by name."""
    routes = {f"n{number}": free_port() for number in range(3)}
    known = ", ".join(f'"nats://127.0.0.1:{port}"' for port in routes.values())
    servers = {
        name: NatsServer(
            folder / name,
            more=f'server_name: {name}\ncluster {{ name: c, listen: "127.0.0.1:{port}", routes: [{known}] }}\n'
            + mappings(partitions),
        )
        for name, port in routes.items()
    }
    await asyncio.gather(*(server.start() for server in servers.values()))
    try:
        yield servers
    finally:
        for server in servers.values():
            server.kill()


async def has_a_leader(js: JetStreamContext) -> bool:
    """Whether the cluster can create streams."""
    try:
        await js.account_info()
    except NatsError:
        return False
    return True


async def leader_of_the_log(js: JetStreamContext, stream: str) -> str:
    cluster = (await js.stream_info(stream)).cluster
    assert cluster is not None
    assert cluster.leader
    return cluster.leader


@pytest.mark.parametrize("partitions", [1, 4])
async def test_no_fact_is_lost_or_doubled_when_the_leader_of_the_log_dies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, partitions: int
) -> None:
    async with cluster(tmp_path, partitions) as servers:
        monkeypatch.setenv("DAREDEVIL_PARTITIONS", str(partitions))
        monkeypatch.setenv("DAREDEVIL_NATS_URL", ",".join(server.url for server in servers.values()))
        monkeypatch.setenv("DAREDEVIL_NATS_REPLICAS", "3")
        settings.cache_clear()
        nc = await nats.connect([server.url for server in servers.values()], reconnect_time_wait=0.1)
        js = nc.jetstream()
        await until_async(lambda: has_a_leader(js), 20)
        await provision(js)
        assert await plan(js) == []
        assert (await js.stream_info(AUDIO)).config.num_replicas == 3
        broker = make_broker("test")
        await broker.connect()
        stored = 0

        async def write(first: int) -> None:
            nonlocal stored
            for number in range(first, FACTS, WRITERS):
                await append(broker, fact(number))
                stored += 1

        writing = [asyncio.create_task(write(first)) for first in range(WRITERS)]
        async with asyncio.timeout(60):
            while stored < FACTS // 3:  # noqa: ASYNC110 (the writers set no event)
                await asyncio.sleep(0.01)
            stream = log_streams(partitions)[-1]
            leader = await leader_of_the_log(js, stream)
            await servers[leader].stop(signal.SIGKILL)
            await asyncio.gather(*writing)
        assert await leader_of_the_log(jetstream(broker), stream) != leader
        ids = [message.headers["Nats-Msg-Id"] async for message in log_messages(connection(broker), "voice.*.*.*")]
        assert sorted(ids) == sorted(fact(number).event_id for number in range(FACTS))
        assert all(info.state.messages for info in await log_infos(connection(broker)))
        await broker.stop()
        await nc.close()
    settings.cache_clear()
