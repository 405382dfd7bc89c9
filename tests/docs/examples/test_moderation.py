"""`docs/examples/moderation.py`: an actor of one's own, started as its first lines say, beside a door of ours."""

import asyncio
import os
import sys
from pathlib import Path

from faststream.nats import NatsBroker

from bridge.web_server import WebServer
from contracts import events as e
from contracts.topology import VOICE
from infra.log.connection import jetstream
from infra.log.provisioning import missing_durables
from infra.settings import Settings
from tests.bridge.agent import Agent
from tests.bridge.caller import Caller
from tests.servers import NatsServer
from tests.waiting import until_async

ROOT = Path(__file__).parents[3]


async def test_a_call_with_a_forbidden_word_is_ended_and_others_go_on(
    nats_server: NatsServer, broker: NatsBroker
) -> None:
    async def is_taking() -> bool:
        return not await missing_durables(jetstream(broker), ("moderation",))

    agent, door = Agent(broker), WebServer(broker, Settings(port=0))
    await door.open()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "faststream", "run", "--app-dir", "docs/examples", "moderation:app"),
        cwd=ROOT,
        env=os.environ | {"DAREDEVIL_NATS_URL": nats_server.url},
    )
    try:
        async with Caller.connected(door.port) as harmless, Caller.connected(door.port) as careless:
            await harmless.hello()
            await careless.hello()
            await until_async(is_taking, within_s=60)
            for caller, text in ((harmless, "What time is it?"), (careless, "My password is tiger.")):
                turn = {"turn_id": f"t-{caller.session_id}", "participant_id": "caller", "text": text}
                await agent.append(e.TurnEnded, caller.session_id, **turn)
            assert (await careless.fact("SessionClosed"))["reason"] == "moderation"

            async def all_handled() -> object:
                durable = await jetstream(broker).consumer_info(VOICE, "moderation")
                return durable.num_pending == 0 and durable.num_ack_pending == 0

            await until_async(all_handled)
            assert not any(isinstance(event, e.SessionClosed) for event in await agent.facts(harmless.session_id))
    finally:
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 20) == 0
        await door.close()
