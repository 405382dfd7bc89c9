"""What the network does to the sound of a room: counted once, however tracks come and go."""

import asyncio

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from livekit.rtc._proto.stats_pb2 import RtcStats

from bridge.livekit.room_measures import INBOUND, OUTBOUND, PacketCounts, PacketStream, look, streams_in
from infra.metrics import table as t
from infra.process.tasks import ended
from tests.bridge.livekit.guest import RATE_HZ, Guest
from tests.infra.metrics.measured import Read, read_metrics
from tests.livekit_server import LiveKitServer
from tests.waiting import until_async

steps = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 99), st.integers(0, 9)), max_size=30)


@given(steps)
def test_what_is_added_sums_to_what_the_streams_have_counted(steps: list[tuple[int, int, int]]) -> None:
    counts, totals, added = PacketCounts(), dict.fromkeys(range(3), (0, 0)), (0, 0)
    for ssrc, received, lost in steps:
        totals[ssrc] = totals[ssrc][0] + received, totals[ssrc][1] + lost
        # The others are not reported this time: muted, or gone for a moment.
        for _, more, fewer in counts.added([PacketStream(INBOUND, ssrc, *totals[ssrc], 0.0)]):
            added = added[0] + more, added[1] + fewer
    assert added == (sum(each[0] for each in totals.values()), sum(each[1] for each in totals.values()))


def test_a_packet_that_comes_late_takes_nothing_off() -> None:
    counts = PacketCounts()
    assert list(counts.added([PacketStream(INBOUND, 1, 100, 3, 0.0)])) == [(INBOUND, 100, 3)]
    assert list(counts.added([PacketStream(INBOUND, 1, 110, 2, 0.0)])) == [(INBOUND, 10, 0)]


def inbound(kind: str, received: int, lost: int) -> RtcStats:
    stats = RtcStats()
    stats.inbound_rtp.stream.kind = kind
    stats.inbound_rtp.stream.ssrc = 7
    stats.inbound_rtp.received.packets_received = received
    stats.inbound_rtp.received.packets_lost = lost
    stats.inbound_rtp.received.jitter = 0.012
    return stats


def outbound(sent: int, lost: int) -> list[RtcStats]:
    ours, theirs = RtcStats(), RtcStats()
    ours.outbound_rtp.stream.ssrc = theirs.remote_inbound_rtp.stream.ssrc = 9
    ours.outbound_rtp.sent.packets_sent = sent
    theirs.remote_inbound_rtp.stream.kind = "audio"
    theirs.remote_inbound_rtp.received.packets_lost = lost
    theirs.remote_inbound_rtp.received.jitter = 0.003
    return [ours, theirs]


def test_sound_of_both_directions_is_read_and_pictures_are_not() -> None:
    found = list(streams_in([inbound("audio", 50, 2), inbound("video", 900, 90), RtcStats(), *outbound(40, 1)]))
    assert found == [PacketStream(INBOUND, 7, 50, 2, 0.012), PacketStream(OUTBOUND, 9, 39, 1, 0.003)]


def test_packets_that_came_twice_are_no_negative_loss() -> None:
    assert [each.lost for each in streams_in([inbound("audio", 50, -2), *outbound(40, -3)])] == [0, 0]


async def speak(guest: Guest) -> None:
    noise = np.random.default_rng(1).integers(-9000, 9000, RATE_HZ).astype(np.int16)
    while True:
        await guest.say(noise)


@pytest.mark.slow
async def test_a_real_room_says_what_arrives_and_what_does_not(livekit_server: LiveKitServer) -> None:
    async with (
        Guest.joined(livekit_server, "measured", "speaker") as speaker,
        Guest.joined(livekit_server, "measured", "listener", mic=False) as listener,
    ):
        speaking = asyncio.create_task(speak(speaker))
        try:
            with read_metrics() as read:
                await until_async(lambda: is_seen(read, listener, INBOUND), 40)
                await until_async(lambda: is_seen(read, speaker, OUTBOUND), 40)
                assert read.of(t.PACKETS_LOST) < read.of(t.PACKETS) / 10
        finally:
            await ended(speaking)


async def is_seen(read: Read, guest: Guest, direction: str) -> bool:
    await look(guest.room, PacketCounts())
    return read.of(t.PACKETS, direction=direction) > 20 and read.of(t.JITTER, direction=direction) > 0
