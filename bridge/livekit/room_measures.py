"""Measures a room: who is there, and what the network does to the sound, as WebRTC's statistics report it."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

from livekit import rtc
from livekit.rtc._proto.stats_pb2 import RtcStats

from infra.metrics.metric import one
from infra.metrics.table import JITTER, OPEN, PACKETS, PACKETS_LOST, PARTICIPANTS, ROOMS
from infra.process.tasks import again_and_again

log = logging.getLogger(__name__)

LOOK_S = 5.0
ANSWER_S = 2.0
DOOR = "livekit"

INBOUND, OUTBOUND = "inbound", "outbound"
"""From the callers to the agent; from the agent to the LiveKit server."""


@dataclass(frozen=True, slots=True)
class PacketStream:
    """What is known of one stream of sound since it began."""

    direction: str
    ssrc: int
    received: int
    lost: int
    jitter_s: float


@dataclass(slots=True)
class PacketCounts:
    """Counts what streams add: each counts from its own beginning, and is gone when its track is."""

    _known: dict[tuple[str, int], PacketStream] = field(default_factory=dict)

    def added(self, streams: Iterable[PacketStream]) -> Iterator[tuple[str, int, int]]:
        """Yield the direction of each stream, and how many packets it has received and lost since the last look."""
        now = {(stream.direction, stream.ssrc): stream for stream in streams}
        for key, stream in now.items():
            before = self._known.get(key)
            received, lost = (before.received, before.lost) if before is not None else (0, 0)
            # A packet that comes late after all is counted as lost no longer.
            yield stream.direction, max(0, stream.received - received), max(0, stream.lost - lost)
        self._known |= now


def streams_in(statistics: Iterable[RtcStats]) -> Iterator[PacketStream]:
    """Yield the streams of sound in the statistics of the connections to the LiveKit server."""
    known = list(statistics)
    outbound = [stats.outbound_rtp for stats in known if stats.HasField("outbound_rtp")]
    sent = {each.stream.ssrc: each.sent.packets_sent for each in outbound}
    for stats in known:
        if stats.HasField("inbound_rtp") and stats.inbound_rtp.stream.kind == "audio":
            came, ssrc = stats.inbound_rtp.received, stats.inbound_rtp.stream.ssrc
            yield PacketStream(INBOUND, ssrc, came.packets_received, max(0, came.packets_lost), came.jitter)
        elif stats.HasField("remote_inbound_rtp") and stats.remote_inbound_rtp.stream.kind == "audio":
            # The server's own account of what it receives; it does not say how many packets have arrived.
            came, ssrc = stats.remote_inbound_rtp.received, stats.remote_inbound_rtp.stream.ssrc
            lost = max(0, came.packets_lost)
            yield PacketStream(OUTBOUND, ssrc, max(0, sent.get(ssrc, 0) - lost), lost, came.jitter)


async def measure_room(room: rtc.Room, people: Callable[[], int]) -> None:
    """Measure a connected room until cancelled; `people` returns how many are there."""
    counts = PacketCounts()

    async def wait_and_look() -> None:
        await asyncio.sleep(LOOK_S)
        await look(room, counts)

    with ExitStack() as stack:
        stack.enter_context(OPEN.observed_by(lambda: [(1, (DOOR,))]))
        stack.enter_context(ROOMS.observed_by(one(lambda: 1)))
        stack.enter_context(PARTICIPANTS.observed_by(one(people)))
        await again_and_again(wait_and_look, "statistics of the room")


async def look(room: rtc.Room, counts: PacketCounts) -> None:
    """Record what has been received and lost since the last look; nothing if the room does not say."""
    try:
        async with asyncio.timeout(ANSWER_S):
            stats = await room.get_rtc_stats()
    except (RuntimeError, TimeoutError) as error:  # it is reconnecting, or over
        log.debug("statistics of the room: %r", error)
        return
    # With one connection for both directions, as today's servers have it, all is in the publisher's.
    streams = list(streams_in([*stats.subscriber_stats, *stats.publisher_stats]))
    for direction, received, lost in counts.added(streams):
        PACKETS.add(received, direction)
        PACKETS_LOST.add(lost, direction)
    for stream in streams:
        JITTER.record(stream.jitter_s, stream.direction)
