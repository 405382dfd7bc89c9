"""The plain connection to NATS, while the server hangs."""

import asyncio

import pytest
from faststream.nats import NatsBroker

from infra.log.connection import connection, round_trip
from tests.servers import NatsServer


@pytest.mark.parametrize("given_up", ["for a timeout", "with its task"])
async def test_a_connection_hears_after_a_round_trip_that_took_too_long(
    nats_server: NatsServer, broker: NatsBroker, given_up: str
) -> None:
    nc = connection(broker)
    heard = await nc.subscribe("a.word")
    await round_trip(nc)
    nats_server.freeze()
    if given_up == "for a timeout":
        with pytest.raises(TimeoutError, match="did not answer"):
            await round_trip(nc, 0.1)
    else:
        waiting = asyncio.create_task(round_trip(nc))
        await asyncio.wait([waiting], timeout=0.1)
        waiting.cancel()
        await asyncio.wait([waiting])
        assert waiting.cancelled()
    nats_server.thaw()
    await round_trip(nc)
    await nc.publish("a.word", b"hello")
    assert (await heard.next_msg(timeout=5)).data == b"hello"
    assert nc.stats["reconnects"] == 0
