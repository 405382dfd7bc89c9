"""Reading the stored messages of a stream back, on a real server."""

import asyncio
import time

import pytest
from faststream.nats import NatsBroker
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js.api import StreamConfig

from infra.log.connection import connection, jetstream
from infra.log.stream_reader import (
    NEAR_MESSAGES,
    StoredMessage,
    StreamUnreadable,
    first_message,
    has_stream,
    last_message,
    last_messages,
    read_batch,
    read_patiently,
    start_of,
    stored_messages,
)
from tests.servers import NatsServer
from tests.waiting import until_async

STREAM = "NUMBERS"


async def store(broker: NatsBroker, count: int, first: int = 0) -> None:
    """Store numbers, even ones on `numbers.even`, odd ones on `numbers.odd`."""
    js = jetstream(broker)
    await js.add_stream(StreamConfig(STREAM, subjects=["numbers.*"], allow_direct=True))
    for n in range(first, first + count):
        await js.publish(f"numbers.{'odd' if n % 2 else 'even'}", str(n).encode(), headers={"Number": str(n)})


async def numbers(
    broker: NatsBroker, subjects: str = ">", start: int = 1, before: int | None = None, batch: int = 512
) -> list[int]:
    messages = stored_messages(connection(broker), STREAM, subjects, start, before, batch)
    return [int(message.data) async for message in messages]


async def test_messages_come_in_order_whatever_the_batch_is(broker: NatsBroker) -> None:
    await store(broker, 25)
    for batch in (1, 4, 25, 512):
        assert await numbers(broker, batch=batch) == list(range(25))
        assert await numbers(broker, "numbers.odd", batch=batch) == list(range(1, 25, 2))


async def test_only_what_lies_between_the_bounds_is_read(broker: NatsBroker) -> None:
    await store(broker, 20)
    for batch in (3, 512):
        assert await numbers(broker, start=6, before=11, batch=batch) == [5, 6, 7, 8, 9]
        assert await numbers(broker, "numbers.even", 6, 11, batch) == [6, 8]
    assert await numbers(broker, start=21) == []
    assert await numbers(broker, start=6, before=6) == []
    assert await numbers(broker, "numbers.none") == []


async def test_a_message_says_where_and_when_it_was_stored_and_keeps_its_headers(broker: NatsBroker) -> None:
    began_ns = time.time_ns()
    await store(broker, 3)
    batch = await read_batch(connection(broker), STREAM, ">", 2, batch=1)
    (message,) = batch.messages
    assert (message.sequence, message.subject, message.data) == (2, "numbers.odd", b"1")
    assert message.headers["Number"] == "1"
    assert abs(message.stored_ns - began_ns) < 60e9
    assert batch.pending == 1


async def test_the_first_message_is_found_by_sequence_and_by_time(broker: NatsBroker) -> None:
    await store(broker, 4)
    nc = connection(broker)
    second = await first_message(nc, STREAM, ">", 2)
    assert second is not None
    assert second.data == b"1"
    odd = await first_message(nc, STREAM, "numbers.odd", 3)
    assert odd is not None
    assert odd.data == b"3"
    since = await first_message(nc, STREAM, ">", since_ns=second.stored_ns)
    assert since is not None
    assert since.sequence <= 2
    assert await first_message(nc, STREAM, ">", since_ns=time.time_ns() + 3600 * 10**9) is None
    assert await first_message(nc, STREAM, ">", 5) is None


async def test_the_last_message_of_each_subject_is_found(broker: NatsBroker) -> None:
    await store(broker, 7)
    nc = connection(broker)
    assert [message.data for message in await last_messages(nc, STREAM, ["numbers.*"])] == [b"5", b"6"]
    assert [message.data for message in await last_messages(nc, STREAM, ["numbers.odd", "numbers.none"])] == [b"5"]
    newest = await last_message(nc, STREAM, "numbers.*")
    assert newest is not None
    assert newest.data == b"6"
    assert await last_message(nc, STREAM, "numbers.none") is None


@pytest.mark.parametrize("wanted", [0, 1, 300, 700, 999, 2000])
async def test_where_to_begin_is_found_by_what_messages_say(broker: NatsBroker, wanted: int) -> None:
    js = jetstream(broker)
    await js.add_stream(StreamConfig(STREAM, subjects=["numbers.*"], allow_direct=True, no_ack=True))
    for n in range(1000):
        await connection(broker).publish(f"numbers.{'odd' if n % 2 else 'even'}", str(n).encode())

    async def all_are_stored() -> bool:
        return (await js.stream_info(STREAM)).state.messages == 1000

    await until_async(all_are_stored)

    def is_before(message: StoredMessage) -> bool:
        return int(message.data) < wanted

    start = await start_of(connection(broker), STREAM, "numbers.odd", is_before)
    read = await numbers(broker, "numbers.odd", start)
    assert [n for n in read if n >= wanted] == list(range(wanted | 1, 1000, 2))
    assert len([n for n in read if n < wanted]) <= NEAR_MESSAGES


async def test_a_stream_that_is_not_there_cannot_be_read(broker: NatsBroker) -> None:
    nc = connection(broker)
    assert not await has_stream(nc, STREAM)
    with pytest.raises(StreamUnreadable, match="NUMBERS cannot be read"):
        await numbers(broker)
    await store(broker, 1)
    assert await has_stream(nc, STREAM)


async def test_a_server_that_hangs_is_given_up(broker: NatsBroker, nats_server: NatsServer) -> None:
    await store(broker, 3)
    nats_server.freeze()
    try:
        with pytest.raises(NatsTimeoutError):
            await read_batch(connection(broker), STREAM, ">", 1, timeout_s=0.2)
    finally:
        nats_server.thaw()
    assert await numbers(broker) == [0, 1, 2]


async def test_patient_reading_waits_until_nats_is_back(broker: NatsBroker, nats_server: NatsServer) -> None:
    await store(broker, 3)
    await nats_server.stop()
    reading = asyncio.create_task(read_patiently(lambda: numbers(broker), "numbers", 30))
    await nats_server.start()
    assert await asyncio.wait_for(reading, 30) == [0, 1, 2]


async def test_patience_ends_with_the_problem(broker: NatsBroker) -> None:
    with pytest.raises(StreamUnreadable):
        await read_patiently(lambda: numbers(broker), "numbers", 0.3)
