"""From where captured sound is read: by the door's clock and the stream's sequences, whatever NATS's clock says."""

import signal

import pytest
from faststream.nats import NatsBroker

from actors.persistence.recording.captured_sound import BATCH, CapturedSound
from contracts.audio import InFrame, OutFrame, unpack_in
from contracts.topology import AUDIO, audio_in_subject, audio_out_subject
from infra.log.connection import connection, jetstream
from infra.log.event_log import now_ns
from infra.log.provisioning import provision
from infra.log.stream_reader import NEAR_MESSAGES
from tests.servers import NatsServer
from tests.waiting import until_async

FRAME_NS, FRAMES = 20_000_000, 2000


async def send(broker: NatsBroker, began_ns: int, numbers: range) -> None:
    nc = connection(broker)
    for n in numbers:
        await nc.publish(audio_in_subject("s", "p"), InFrame("t", 320 * n, began_ns + n * FRAME_NS, bytes(640)).pack())
        await nc.publish(audio_out_subject("s"), OutFrame("r", 0, 480 * n, 24_000, bytes(960)).pack())
        if n % 200 == 0:
            await nc.flush()
    await nc.flush()


async def stored(broker: NatsBroker, count: int) -> None:
    async def are_stored() -> bool:
        return (await jetstream(broker).stream_info(AUDIO)).state.messages >= count

    await until_async(are_stored)


async def all_of(sound: CapturedSound) -> list[tuple[str, bytes]]:
    frames = await sound.read()
    while sound.has_more:
        frames += await sound.read()
    return frames


def numbers_of(frames: list[tuple[str, bytes]]) -> list[int]:
    return [unpack_in(data).first_sample // 320 for subject, data in frames if ".in." in subject]


async def test_what_waits_stays_in_the_stream_and_is_read_in_pieces(broker: NatsBroker) -> None:
    await send(broker, 0, range(FRAMES))
    await stored(broker, 2 * FRAMES)
    sound = CapturedSound(connection(broker), "s", 0)
    sizes = []
    while sound.has_more:
        sizes.append(len(await sound.read()))
    assert max(sizes) <= BATCH
    assert sum(sizes) == 2 * FRAMES


@pytest.mark.parametrize("ahead_s", [-3600, 0, 3600])
async def test_it_begins_where_the_doors_clock_says(broker: NatsBroker, ahead_s: int) -> None:
    began_ns = now_ns() + ahead_s * 1_000_000_000
    await send(broker, began_ns, range(FRAMES))
    await stored(broker, 2 * FRAMES)
    sound = CapturedSound(connection(broker), "s", began_ns + 1500 * FRAME_NS)
    numbers = numbers_of(await all_of(sound))
    assert numbers == list(range(numbers[0], FRAMES))
    assert 1500 - NEAR_MESSAGES <= numbers[0] <= 1500


async def test_each_frame_is_read_once(broker: NatsBroker) -> None:
    sound = CapturedSound(connection(broker), "s", 0)
    await send(broker, 0, range(10))
    await stored(broker, 20)
    assert numbers_of(await all_of(sound)) == list(range(10))
    await send(broker, 0, range(10, 20))
    await stored(broker, 40)
    assert numbers_of(await all_of(sound)) == list(range(10, 20))


async def test_a_stream_that_was_lost_is_read_from_its_beginning(broker: NatsBroker, nats_server: NatsServer) -> None:
    sound = CapturedSound(connection(broker), "s", 0)
    await send(broker, 0, range(10))
    await stored(broker, 20)
    assert numbers_of(await all_of(sound)) == list(range(10))
    await nats_server.stop(signal.SIGKILL)
    await nats_server.start()

    async def is_back() -> bool:
        return connection(broker).is_connected

    await until_async(is_back)
    await provision(jetstream(broker))
    await send(broker, 0, range(10, 40))
    await stored(broker, 60)
    assert numbers_of(await all_of(sound)) == list(range(10, 40))
