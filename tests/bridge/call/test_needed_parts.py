"""Whether the actors of a conversation are there, where NATS is far away."""

from pathlib import Path

import nats
import pytest
from nats.aio.msg import Msg

from bridge.call.needed_parts import NeededParts
from contracts.topology import REASONING, health_subject
from infra.bench.toxiproxy import toxiproxy_before
from infra.log.broker import make_broker
from infra.settings import Settings, settings
from tests.monitoring_tools import tool
from tests.servers import NatsServer


@pytest.mark.slow
async def test_actors_are_found_where_nats_is_half_a_second_away(
    nats_server: NatsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool("toxiproxy-server")
    port = int(nats_server.url.rpartition(":")[2])
    async with toxiproxy_before("nats", port, tmp_path) as proxy:
        url = f"nats://127.0.0.1:{proxy.port}"
        monkeypatch.setenv("DAREDEVIL_NATS_URL", url)
        settings.cache_clear()
        door, actor = make_broker("bridge"), await nats.connect(url)
        await door.connect()

        async def answer(message: Msg) -> None:
            await message.respond(b"1")

        await actor.subscribe(health_subject(REASONING), cb=answer)
        await actor.flush()
        await proxy.delay(500)  # an answer takes 2 s
        try:
            parts = NeededParts(door, Settings(llm="openai:gpt-5"), (REASONING,))
            assert await parts.arrival(10) == ""
            assert await parts.problem() == ""
        finally:
            await proxy.delay(0)
            await actor.close()
            await door.stop()
