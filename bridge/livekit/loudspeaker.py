"""The agent's voice in the room: replies go into an audio source at their pace; what was played is counted."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

from livekit import rtc

from bridge.livekit.reply_sound import ReplySound
from bridge.protocol import Played
from contracts.audio import FRAME_MS

log = logging.getLogger(__name__)

QUEUE_MS = 40
"""What waits in the source: bridges the pauses of a busy event loop (with pauses of up to 40 ms, no hole was heard).

It makes nothing later: the first frame leaves at once, and a pause empties it.
"""

REPORT_EVERY_S = 0.1


class Loudspeaker:
    """Plays one reply at a time into `source`; `report` is told what was played, never within a call from outside.

    What left the source counts as heard: it is on its way to everybody's ears, some 50 ms.
    """

    def __init__(self, sample_rate_hz: int, report: Callable[[Played], None]) -> None:
        self.source = rtc.AudioSource(sample_rate_hz, 1, queue_size_ms=QUEUE_MS)
        self.ran_dry = 0
        """How often the source ran dry within a reply whose sound was there: a stutter at everybody's ear."""
        self._rate_hz = sample_rate_hz
        self._report = report
        self._reply: ReplySound | None = None
        self._paused = False
        self._dry_at_s = 0.0
        self._reported_s = 0.0
        self._flowing = False
        self._wake = asyncio.Event()

    # -- what the call tells

    def tell(self, message: dict[str, Any]) -> None:
        """Take a message of the call about playback; others change nothing."""
        match message:
            case {"type": "reply", "reply_id": reply_id, "sample_rate_hz": rate_hz}:
                self._reply, self._paused, self._flowing = ReplySound(reply_id, rate_hz, self._rate_hz), False, False
            case {"type": "reply_end", "reply_id": reply_id, "samples": samples} if self._is_playing(reply_id):
                assert self._reply is not None
                self._reply.complete(samples)
            case {"type": "pause", "reply_id": reply_id} if self._is_playing(reply_id):
                self._hush()
                self._paused = True
            case {"type": "resume", "reply_id": reply_id} if self._is_playing(reply_id):
                self._paused = False
            case {"type": "stop", "reply_id": reply_id} if self._is_playing(reply_id):
                self._hush()
                self._reply = None
        self._wake.set()

    def sound(self, pcm: bytes) -> None:
        """Take sound of the reply that was announced last; of one that was stopped it is dropped."""
        if self._reply is not None:
            self._reply.add(pcm)
            self._wake.set()

    def silence(self) -> None:
        """Be still at once, and forget what was to be played."""
        if self._reply is not None:
            self._clear()
            self._reply = None

    def _is_playing(self, reply_id: str) -> bool:
        return self._reply is not None and self._reply.reply_id == reply_id

    def _hush(self) -> None:
        """Be still at once and tell how far it got; what had not left the source is played after a pause."""
        assert self._reply is not None
        queued_s = self._queued_s()
        if not self._paused:
            self._clear()
            self._reply.go_back(queued_s)
        self._tell_played(self._reply)

    def _clear(self) -> None:
        self.source.clear_queue()
        self._dry_at_s, self._flowing = 0.0, False

    # -- playing

    async def run(self) -> None:
        """Play, until cancelled."""
        while True:
            self._wake.clear()
            reply = self._reply
            frame = reply.frame() if reply is not None and not self._paused else None
            if reply is None:
                await self._wake.wait()
            elif frame is not None:
                await self._hand_on(frame)
                self._after_frame(reply)
            else:
                await self._wait(reply)

    async def _hand_on(self, frame: bytes) -> None:
        now_s = time.monotonic()
        if self._flowing and now_s > self._dry_at_s:
            self.ran_dry += 1
        self._flowing = True
        self._dry_at_s = max(now_s, self._dry_at_s) + FRAME_MS / 1000
        cleared_from = self._dry_at_s
        await self.source.capture_frame(rtc.AudioFrame(frame, self._rate_hz, 1, len(frame) // 2))
        took_s = time.monotonic() - now_s
        if took_s > FRAME_MS / 4000 and self._dry_at_s == cleared_from:
            # It was held back until just the queue's length was waiting: that is more exact than our clock.
            self._dry_at_s = time.monotonic() + QUEUE_MS / 1000

    def _after_frame(self, reply: ReplySound) -> None:
        if self._reply is not reply or self._paused:
            return
        queued_s = self._queued_s()
        begins = not reply.started and reply.is_audible(queued_s)
        if begins or time.monotonic() - self._reported_s >= REPORT_EVERY_S:
            reply.started = reply.started or begins
            self._tell_played(reply, started=begins)

    async def _wait(self, reply: ReplySound) -> None:
        """Wait for more of the reply, or for its last sample to leave the source."""
        queued_s = self._queued_s()
        if self._paused:
            await self._wake.wait()
            return
        if not reply.handed_over:
            self._flowing = False
        try:
            async with asyncio.timeout(queued_s if queued_s > 0 else None if not reply.handed_over else 0):
                await self._wake.wait()
        except TimeoutError:
            self._after_dry(reply)

    def _after_dry(self, reply: ReplySound) -> None:
        if self._reply is not reply:
            return
        over = reply.handed_over
        begins = not reply.started and (over or reply.is_audible(0))
        reply.started = reply.started or begins
        self._tell_played(reply, started=begins, ended=over)
        if over:
            self._reply, self._flowing = None, False

    def _queued_s(self) -> float:
        return max(0.0, self._dry_at_s - time.monotonic())

    def _tell_played(self, reply: ReplySound, started: bool = False, ended: bool = False) -> None:
        self._reported_s = time.monotonic()
        samples = reply.heard_samples(0 if ended else self._queued_s())
        played = Played(type="played", reply_id=reply.reply_id, samples=samples, started=started, ended=ended)
        asyncio.get_running_loop().call_soon(self._report, played)
