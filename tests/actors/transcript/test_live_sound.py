"""Where the kept sound of a track is taken up: by positions, whatever the clocks say."""

import asyncio

import nats
import pytest
from faststream.nats import NatsBroker

from actors.transcript.live_sound import MAX_WAITING_FRAMES, LiveSound
from contracts.audio import InFrame
from contracts.topology import AUDIO, audio_in_subject
from infra.log.connection import connection, jetstream
from infra.log.stream_reader import NEAR_MESSAGES
from tests.servers import NatsServer
from tests.waiting import until, until_async

FRAMES = 1500


async def keep(broker: NatsBroker, track_id: str, count: int, participant: str = "p-1") -> None:
    for n in range(count):
        # The door's clock is of no interest: it may stand still.
        frame = InFrame(track_id, 320 * n, 0, bytes(640)).pack()
        await connection(broker).publish(audio_in_subject("s-1", participant), frame)
        if n % 200 == 0:
            await connection(broker).flush()

    async def kept() -> bool:
        info = await jetstream(broker).stream_info(AUDIO)
        return info.state.messages >= count

    await until_async(kept)


@pytest.mark.parametrize("from_sample", [0, 16_000, 320 * 700, 320 * (FRAMES - 1)])
async def test_the_kept_frames_come_from_the_wanted_position_on(broker: NatsBroker, from_sample: int) -> None:
    await keep(broker, "t-0", 300)
    await keep(broker, "t-1", FRAMES)
    async with LiveSound(broker, "s-1", "p-1", "t-1", from_sample, asyncio.Event()) as live:
        positions = [frame.first_sample for frame in live.frames()]
    assert positions == sorted(set(positions))
    assert positions[0] <= from_sample
    assert positions[-1] == 320 * (FRAMES - 1)
    assert from_sample - positions[0] <= 320 * (NEAR_MESSAGES + 60)


async def test_of_a_track_that_another_followed_all_is_read(broker: NatsBroker) -> None:
    await keep(broker, "t-1", 400)
    await keep(broker, "t-2", 400)
    async with LiveSound(broker, "s-1", "p-1", "t-1", 320 * 300, asyncio.Event()) as live:
        positions = [frame.first_sample for frame in live.frames()]
    assert {320 * n for n in range(300, 400)} <= set(positions)


async def test_no_more_frames_wait_than_a_listener_may_be_behind_and_those_dropped_are_counted(
    broker: NatsBroker,
) -> None:
    async with LiveSound(broker, "s-1", "p-1", "t-1", 0, asyncio.Event()) as live:
        await keep(broker, "t-1", MAX_WAITING_FRAMES + 100)
        await until(lambda: live.dropped == 100)
        assert len(live.frames()) == MAX_WAITING_FRAMES


async def test_of_a_track_without_sound_nothing_is_read(broker: NatsBroker) -> None:
    async with LiveSound(broker, "s-1", "p-1", "t-1", 0, asyncio.Event()) as live:
        assert not live.heard
        assert live.frames() == []


async def test_what_came_while_the_connection_was_lost_is_read_before_what_comes_after(
    nats_server: NatsServer, broker: NatsBroker
) -> None:
    door = await nats.connect(nats_server.url)
    async with LiveSound(broker, "s-1", "p-1", "t-1", 0, asyncio.Event()) as live:

        async def send(*places: int) -> None:
            for n in places:
                frame = InFrame("t-1", 320 * n, 0, bytes(640)).pack()
                await door.publish(audio_in_subject("s-1", "p-1"), frame)
            await door.flush()

        await send(0, 1)
        positions: list[int] = []

        def take() -> list[int]:
            positions.extend(frame.first_sample // 320 for frame in live.frames())
            return positions

        await until(lambda: take() == [0, 1])
        nc = connection(broker)
        await nc.force_reconnect()
        await send(2, 3)
        await until(lambda: nc.is_connected and nc.stats["reconnects"] == 1, 10)
        await nc.flush()
        await send(4)
        await until(lambda: live.frames() == [] and live.heard)
        assert live.frames() == [], "something is to be caught up with"
        await live.catch_up()
        await until(lambda: 4 in take())
    await door.close()
    assert list(dict.fromkeys(positions)) == [0, 1, 2, 3, 4]


async def test_a_frame_wakes_its_listener_once_what_has_come_is_enough(broker: NatsBroker) -> None:
    woken = asyncio.Event()
    async with LiveSound(broker, "s-1", "p-1", "t-1", 0, woken) as live:
        live.needed_to = 512
        positions: list[int] = []

        def take() -> list[int]:
            positions.extend(frame.first_sample for frame in live.frames())
            return positions

        async def send(first: int) -> None:
            frame = InFrame("t-1", first, 0, bytes(640)).pack()
            await connection(broker).publish(audio_in_subject("s-1", "p-1"), frame)

        await send(0)
        await until(lambda: take() == [0])
        assert not woken.is_set()
        await send(320)
        await until(lambda: take() == [0, 320])
        assert woken.is_set()
