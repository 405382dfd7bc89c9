"""`docs/examples/read_log.py` reads facts of the log by what the documents say of them."""

import asyncio

from faststream.nats import NatsBroker

from contracts import events as e
from docs.examples.read_log import said
from tests.bridge.agent import Agent
from tests.servers import NatsServer


async def test_what_was_said_is_read_from_the_log_and_then_as_it_is_stored(
    nats_server: NatsServer, broker: NatsBroker
) -> None:
    agent = Agent(broker)
    turn = {"turn_id": "turn-1", "participant_id": "caller"}
    await agent.append(e.TurnEnded, "s-1", text="What time is it?", **turn)
    lines = said(nats_server.url)
    async with asyncio.timeout(10):
        assert await anext(lines) == "s-1 caller: What time is it?"
        played = {"reply_id": "reply-1", "heard_text": "It is noon.", "played_samples": 24_000}
        await agent.append(e.PlaybackFinished, "s-1", **played)
        assert await anext(lines) == "s-1 agent: It is noon."
    await lines.aclose()
