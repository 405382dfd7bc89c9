"""Reading a session back while NATS comes and goes."""

import asyncio

from faststream.nats import NatsBroker

from contracts.events import SessionClosed
from infra.log.event_log import append, facts_after
from tests.servers import NatsServer

CLOSED = SessionClosed(event_id="closed", session_id="s", time_ns=1, reason="hangup")


async def test_it_waits_until_nats_is_back(broker: NatsBroker, nats_server: NatsServer) -> None:
    await append(broker, CLOSED)
    await nats_server.stop()
    reading = asyncio.create_task(facts_after(broker, "s"))
    await nats_server.start()
    assert [fact.event.event_id for fact in await asyncio.wait_for(reading, 20)] == [CLOSED.event_id]
