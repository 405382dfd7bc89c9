"""Sound that NATS may not have got is published again; what cannot be kept is told."""

import signal

from faststream.nats import NatsBroker

from bridge.call.sound_publisher import MAX_KEPT_S, SoundPublisher
from contracts.audio import InFrame, unpack_in
from infra.log.connection import connection, round_trip
from tests.servers import NatsServer
from tests.waiting import until

SUBJECT = "audio.s-1.in.p-1"
SECOND = bytes(32_000)


def frame(n: int) -> InFrame:
    return InFrame("t-1", 16_000 * n, 0, SECOND)


async def heard(broker: NatsBroker) -> list[int]:
    """Return a list that grows with what comes: the seconds of the track."""
    seconds: list[int] = []

    async def take(message: object) -> None:
        seconds.append(unpack_in(message.data).first_sample // 16_000)  # type: ignore[attr-defined]

    await connection(broker).subscribe(SUBJECT, cb=take)
    return seconds


async def test_what_went_out_on_a_connection_that_was_lost_is_published_again(
    nats_server: NatsServer, broker: NatsBroker
) -> None:
    nc = connection(broker)
    publisher, seconds = SoundPublisher(nc, SUBJECT), await heard(broker)
    await publisher.send(frame(0))
    for _ in range(2):
        await round_trip(nc)
        publisher.arrived()
    nats_server.freeze()
    await publisher.send(frame(1))
    await nats_server.stop(signal.SIGKILL)
    await until(lambda: not nc.is_connected, 10)
    await publisher.send(frame(2))
    await nats_server.start()
    await until(lambda: nc.is_connected, 10)
    await publisher.send(frame(3))
    assert await publisher.release() == []
    await publisher.send(frame(4))
    await until(lambda: 4 in seconds, 10)
    assert seconds == [0, 1, 2, 3, 4]


async def test_what_the_server_has_is_not_published_again(nats_server: NatsServer, broker: NatsBroker) -> None:
    nc = connection(broker)
    publisher, seconds = SoundPublisher(nc, SUBJECT), await heard(broker)
    await publisher.send(frame(0))
    publisher.hold()
    await publisher.send(frame(1))
    await round_trip(nc)
    assert seconds == [0]
    assert await publisher.release() == []
    await until(lambda: len(seconds) == 2, 10)
    assert seconds == [0, 1]


async def test_of_a_longer_outage_the_last_minute_is_kept_and_the_rest_is_told(broker: NatsBroker) -> None:
    publisher, seconds = SoundPublisher(connection(broker), SUBJECT), await heard(broker)
    publisher.hold()
    for n in range(MAX_KEPT_S + 5):
        await publisher.send(frame(n))
    assert await publisher.release() == [("t-1", 0, 5 * 16_000)]
    await until(lambda: len(seconds) == MAX_KEPT_S, 10)
    assert seconds == list(range(5, MAX_KEPT_S + 5))
    assert await publisher.release() == []
