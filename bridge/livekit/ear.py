"""Hears one microphone of the room, from the moment LiveKit reports it as subscribed.

LiveKit's SDK reports that before the server has its answer and forwards packets, and nothing repeats what is said in
between. So a microphone counts as heard once a packet has come; what came with it is kept until the session takes it.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable

from livekit import rtc

from contracts.audio import FRAME_MS, IN_SAMPLE_RATE_HZ
from infra.log.event_log import now_ns
from infra.process.tasks import ended, own_cancellation_only

log = logging.getLogger(__name__)

HEARD_PATIENCE_S = 3.0
"""After so long without a packet a microphone counts as heard all the same: a muted one may never send any."""
LOOK_S = 0.02
LOOK_TIMEOUT_S = 1.0
LEAD_FRAMES = 1_000 // FRAME_MS
"""Frames that are kept from before the first packet is noticed: 1 s. There are frames, of silence, before packets."""
MOST_KEPT_FRAMES = MAX_UNREAD_FRAMES = 10_000 // FRAME_MS
"""Frames of one track that may wait here: 10 s."""
HEAR_AGAIN_S = 0.1
CLOSE_TIMEOUT_S = 1.0

Sound = Callable[[bytes, int], Awaitable[None]]
"""Takes a frame, and when it came in (Unix epoch ns)."""


class MicrophoneEar:
    """Gives the sound of `track` to `sound`, after `opened` was called with the time of the first frame that follows.

    That waits for `allowed`, too; until then the last 10 s are kept.
    """

    def __init__(
        self,
        track: rtc.Track,
        name: str,
        allowed: asyncio.Event,
        opened: Callable[[int], None],
        sound: Sound,
        patience_s: float = HEARD_PATIENCE_S,
    ) -> None:
        self._track = track
        self._name = name
        self._allowed = allowed
        self._opened = opened
        self._sound = sound
        self._patience_s = patience_s
        self._kept: deque[tuple[int, bytes]] = deque(maxlen=MOST_KEPT_FRAMES)
        self._has_arrived = False
        self._is_open = False
        self._is_closed = False

    async def run(self) -> None:
        """Listen until the track ends; if anything else ends the listening, start it again."""
        opening = asyncio.create_task(self._open_when_heard(), name=f"first packet of {self._name}")
        try:
            while True:
                try:
                    with own_cancellation_only():
                        return await self._hear()
                except Exception:  # whatever the SDK raises, it must not make the agent deaf to the others in the room
                    log.exception("%s: listening begins again", self._name)
                await asyncio.sleep(HEAR_AGAIN_S)
        finally:
            await ended(opening)

    def open(self) -> None:
        """Open it now, unless it is open or closed."""
        if not self._is_open and not self._is_closed:
            self._is_open = True
            self._opened(self._kept[0][0] if self._kept else now_ns())

    def close(self) -> None:
        """Open it no more."""
        self._is_closed = True

    async def _open_when_heard(self) -> None:
        try:
            async with asyncio.timeout(self._patience_s):
                while not await self._has_packets():  # noqa: ASYNC110 (the SDK tells of no first packet)
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            log.debug("%s: no packet within %g s", self._name, self._patience_s)
        self._has_arrived = True
        await self._allowed.wait()
        self.open()

    async def _has_packets(self) -> bool:
        try:
            async with asyncio.timeout(LOOK_TIMEOUT_S):
                stats = await self._track.get_stats()
        except Exception as error:  # the SDK raises plain exceptions; patience ends it
            log.debug("%s: its figures: %r", self._name, error)
            return False
        inbound = [each.inbound_rtp.received for each in stats if each.HasField("inbound_rtp")]
        return any(received.packets_received for received in inbound)

    async def _hear(self) -> None:
        stream = rtc.AudioStream.from_track(
            track=self._track,
            sample_rate=IN_SAMPLE_RATE_HZ,
            num_channels=1,
            frame_size_ms=FRAME_MS,
            capacity=MAX_UNREAD_FRAMES,
        )
        try:
            async for event in stream:
                self._kept.append((now_ns(), bytes(event.frame.data)))
                await self._pass_on()
            await self._pass_on()  # it may have been opened since the last frame
        finally:
            closing = asyncio.create_task(stream.aclose())
            await asyncio.wait([closing], timeout=CLOSE_TIMEOUT_S)
            await ended(closing)

    async def _pass_on(self) -> None:
        while self._is_open and self._kept:
            received_ns, pcm = self._kept.popleft()
            await self._sound(pcm, received_ns)
        while not self._has_arrived and len(self._kept) > LEAD_FRAMES:
            self._kept.popleft()
