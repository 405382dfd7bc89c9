"""The plain connection to NATS, while the server hangs."""

import asyncio

import pytest
from faststream.nats import NatsBroker
from nats.js.api import AckPolicy, ConsumerConfig

from contracts.topology import VOICE
from infra.log.connection import connection, give_up_consumer, jetstream, round_trip
from tests.servers import NatsServer
from tests.waiting import until_async


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


async def test_a_consumer_that_is_given_up_is_gone_at_once(broker: NatsBroker) -> None:
    js = jetstream(broker)
    config = ConsumerConfig(ack_policy=AckPolicy.NONE, mem_storage=True, inactive_threshold=300)
    for number in range(5):
        info = await js.add_consumer(VOICE, config, name=f"reading-{number}")
        await give_up_consumer(connection(broker), VOICE, info.name)

    async def gone() -> bool:
        return not [info for info in await js.consumers_info(VOICE) if info.name.startswith("reading-")]

    await until_async(gone)
