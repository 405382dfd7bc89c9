"""How long sound waits in a client's jitter buffer before it is heard: longer when network or machine are uneven.

Each client has its own buffer and reports it to nobody, so the record of a call cannot include it.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise

from livekit import rtc

LOOK_EVERY_S = 0.1
TIMEOUT_S = 1.0


@dataclass(frozen=True, slots=True)
class Waited:
    """What WebRTC counts of a track: `emitted` samples have waited `total_s` in all, each its own time."""

    at_s: float
    total_s: float
    emitted: int


@dataclass(slots=True)
class JitterBuffer:
    """The counts read during a call, in the caller's time."""

    read: list[Waited] = field(default_factory=list)
    _looked_s: float = -LOOK_EVERY_S

    def take(self, waited: Waited) -> None:
        """Note a reading."""
        self.read.append(waited)

    async def look(self, track: rtc.RemoteAudioTrack, now_s: float) -> None:
        """Read the counts, unless they were read just now."""
        if now_s - self._looked_s < LOOK_EVERY_S:
            return
        self._looked_s = now_s
        with suppress(TimeoutError):  # the total once went down
            async with asyncio.timeout(TIMEOUT_S):
                for stats in await track.get_stats():
                    if stats.HasField("inbound_rtp"):
                        inbound = stats.inbound_rtp.inbound
                        self.take(Waited(now_s, inbound.jitter_buffer_delay, inbound.jitter_buffer_emitted_count))

    def waits(self) -> list[tuple[float, float]]:
        """Return how long (s) the sound heard up to a time had waited."""
        return [
            (later.at_s, (later.total_s - earlier.total_s) / (later.emitted - earlier.emitted))
            for earlier, later in pairwise(self.read)
            if later.emitted > earlier.emitted
        ]
