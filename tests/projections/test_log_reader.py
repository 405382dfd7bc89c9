import asyncio
import signal

import pytest
from faststream.nats import NatsBroker

from contracts.events import TurnEnded
from infra.bench.conversations import conversations
from infra.bench.filling import fill_log
from infra.log.connection import connection, jetstream
from infra.log.event_log import append
from projections.log_reader import BATCH_MESSAGES, LogLost, LogReader, log_until
from tests.servers import NatsServer
from tests.waiting import until


async def test_the_log_is_read_in_order_in_batches_and_then_as_it_grows(broker: NatsBroker) -> None:
    nc = connection(broker)
    last = await fill_log(jetstream(broker), conversations(BATCH_MESSAGES + 500))
    async with LogReader(nc, after=10) as reader:
        first, second = await reader.next(), await reader.next()
        sequences = [message.sequence for batch in (first, second) for message in batch.messages]
        assert sequences == list(range(11, last + 1))
        assert (first.pending, second.pending) == (last - 10 - BATCH_MESSAGES, 0)
        waiting = asyncio.create_task(reader.next())
        fact = TurnEnded(event_id="t", session_id="s-1", time_ns=1, participant_id="p", text="hello")
        assert await append(broker, fact) == last + 1
        assert [message.sequence for message in (await waiting).messages] == [last + 1]
    assert [message.sequence async for message in log_until(nc, 5, after=2)] == [3, 4, 5]


async def test_a_connection_that_was_lost_in_between_is_reported(broker: NatsBroker, nats_server: NatsServer) -> None:
    nc = connection(broker)
    async with LogReader(nc) as reader:
        assert (await reader.next()).messages == []
        await nats_server.stop(signal.SIGKILL)
        await nats_server.start()
        await until(lambda: nc.is_connected and nc.stats["reconnects"])
        with pytest.raises(LogLost):
            await reader.next()
