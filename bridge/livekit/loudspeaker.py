"""The agent's voice in the room: replies go into an audio source at their own pace, and what was played is counted."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

from livekit import rtc

from bridge.livekit.reply_sound import RoomReplySound
from bridge.livekit.source_queue import SourceQueue
from bridge.playback.reports import Played

log = logging.getLogger(__name__)

AHEAD_S = 0.04
"""The next frame goes to the source when no more than this waits there: it bridges the pauses of a busy event loop.

With pauses of up to 40 ms, no hole was heard. It delays nothing: the first frame leaves at once, and a pause
empties the source.
"""
SOURCE_MS = 120
"""Capacity of the source: enough to accept every frame at once."""

LEAST_WAIT_S = 0.001
"""The resolution of timers; a shorter wait would only be repeated."""
REPORT_EVERY_S = 0.1


class RoomLoudspeaker:
    """Plays one reply at a time into `source`; `report` gets what was played, never from within a call to this class.

    What left the source counts as heard: it is on its way to everybody's ears, some 50 ms; more where a listener's own
    jitter buffer has grown, which nobody here is told.
    """

    def __init__(self, sample_rate_hz: int, report: Callable[[Played], None]) -> None:
        self.source = rtc.AudioSource(sample_rate_hz, 1, queue_size_ms=SOURCE_MS)
        self._queue = SourceQueue()
        self._rate_hz = sample_rate_hz
        self._report = report
        self._reply: RoomReplySound | None = None
        self._paused = False
        self._held = False
        self._reported_s = 0.0
        self._handing = False
        self._after_handing: list[Callable[[], None]] = []
        self._wake = asyncio.Event()

    # -- what the call tells

    def tell(self, message: dict[str, Any]) -> None:
        """Take a message of the call about playback; others change nothing."""
        self._do(lambda: self._obey(message))

    def sound(self, pcm: bytes) -> None:
        """Take sound of the reply that was announced last; sound of a stopped reply is dropped."""
        self._do(lambda: self._add(pcm))

    def silence(self) -> None:
        """Fall silent at once, and drop what was to be played."""
        self._do(self._forget)

    def hold(self) -> None:
        """Fall silent at once while nobody is there; nothing is lost, and what was played is reported."""
        self._do(lambda: self._set_held(True))

    def go_on(self) -> None:
        """Continue after `hold`, unless the call has paused it."""
        self._do(lambda: self._set_held(False))

    def _do(self, act: Callable[[], None]) -> None:
        """Act now, or as soon as the frame on its way to the source has arrived: it could be heard after a pause."""
        if self._handing:
            self._after_handing.append(act)
        else:
            act()
        self._wake.set()

    def _obey(self, message: dict[str, Any]) -> None:
        match message:
            case {"type": "reply", "reply_id": reply_id, "sample_rate_hz": rate_hz}:
                self._reply, self._paused = RoomReplySound(reply_id, rate_hz, self._rate_hz), False
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

    def _add(self, pcm: bytes) -> None:
        if self._reply is not None:
            self._reply.add(pcm)

    def _forget(self) -> None:
        if self._reply is not None:
            self._clear()
            self._reply = None

    def _clear(self) -> None:
        self.source.clear_queue()
        self._queue.clear()

    def _set_held(self, held: bool) -> None:
        if held and self._reply is not None:
            self._hush()
        self._held = held

    @property
    def _is_still(self) -> bool:
        return self._paused or self._held

    def _is_playing(self, reply_id: str) -> bool:
        return self._reply is not None and self._reply.reply_id == reply_id

    def _hush(self) -> None:
        """Fall silent at once and report how far it got; what had not left the source is played after a pause."""
        assert self._reply is not None
        queued_s = self._queue.waiting_s(time.monotonic())
        if not self._is_still:
            self._clear()
            self._reply.go_back(queued_s)
        self._report_played(self._reply)

    # -- playing

    async def run(self) -> None:
        """Play, until cancelled."""
        while True:
            self._wake.clear()
            reply = self._reply
            if reply is None:
                await self._wake.wait()
                continue
            queued_s = self._queue.waiting_s(time.monotonic())
            frame = None if self._is_still or queued_s > AHEAD_S else reply.frame()
            if frame is not None:
                await self._hand_on(frame)
                self._after_frame(reply)
            else:
                await self._wait(reply, queued_s)

    async def _hand_on(self, frame: bytes) -> None:
        self._handing = True
        try:
            samples = len(frame) // 2
            await self.source.capture_frame(rtc.AudioFrame(frame, self._rate_hz, 1, samples))
            self._queue.put(samples / self._rate_hz, time.monotonic())
        finally:
            self._handing = False
            acts, self._after_handing = self._after_handing, []
            for act in acts:
                act()

    def _after_frame(self, reply: RoomReplySound) -> None:
        if self._reply is not reply or self._is_still:
            return
        queued_s = self._queue.waiting_s(time.monotonic())
        begins = not reply.started and reply.is_audible(queued_s)
        if begins or time.monotonic() - self._reported_s >= REPORT_EVERY_S:
            reply.started = reply.started or begins
            self._report_played(reply, started=begins)

    async def _wait(self, reply: RoomReplySound, queued_s: float) -> None:
        """Wait for more of the reply, for room in the source, or for its last sample to leave it."""
        if self._held:
            await self._woken(REPORT_EVERY_S)
            if self._reply is reply:
                self._report_played(reply)  # without a report the call would assume that the reply goes on playing
        elif self._paused:
            await self._wake.wait()
        elif queued_s > AHEAD_S:
            await self._woken(max(queued_s - AHEAD_S, LEAST_WAIT_S))
        elif not await self._woken(queued_s if queued_s > 0 or reply.handed_over else None):
            self._after_dry(reply)

    async def _woken(self, within_s: float | None) -> bool:
        """Wait until something has changed; return whether it did in time."""
        try:
            async with asyncio.timeout(within_s):
                return await self._wake.wait()
        except TimeoutError:
            return False

    def _after_dry(self, reply: RoomReplySound) -> None:
        if self._reply is not reply:
            return
        over = reply.handed_over
        begins = not reply.started and (over or reply.is_audible(0))
        reply.started = reply.started or begins
        self._report_played(reply, started=begins, ended=over, stalled=not over)
        if over:
            self._reply = None

    def _report_played(
        self, reply: RoomReplySound, started: bool = False, ended: bool = False, stalled: bool = False
    ) -> None:
        self._reported_s = time.monotonic()
        now_ms = self._reported_s * 1000
        samples = reply.heard_samples(0 if ended else self._queue.waiting_s(self._reported_s))
        played = Played(
            type="played",
            reply_id=reply.reply_id,
            samples=samples,
            started=started,
            ended=ended,
            stalled=stalled,
            at_ms=now_ms,
            clock_ms=now_ms,
        )
        asyncio.get_running_loop().call_soon(self._report, played)
