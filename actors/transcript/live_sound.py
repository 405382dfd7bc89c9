"""Frames of a track from the bus: those kept by the audio stream, then live ones, with no gap and no duplicate."""

import asyncio
import logging
import time
from collections import deque
from types import TracebackType

from faststream.nats import NatsBroker
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from actors.transcript.zero_line import ZeroLine
from contracts.audio import BadAudio, InFrame, unpack_in
from contracts.topology import AUDIO, audio_in_subject
from infra.log.connection import connection, round_trip
from infra.log.stream_reader import StoredMessage, last_message, start_of, stored_messages

log = logging.getLogger(__name__)

MAX_WAITING_FRAMES = 4500
"""90 s of sound in the shortest frames, more than a door sends at once; beyond, the oldest becomes silence."""

MARGIN_SAMPLES = 16_000
"""How much is read before the position, so that frames slightly out of order are found."""


class LiveSound:
    """`async with LiveSound(broker, session, participant, track, from_sample, woken) as live: live.frames()`.

    Frames that the audio stream has kept come first, from `from_sample` of the track on, found by their positions:
    the clocks of the door, of NATS and of this machine may be hours apart. `woken` is set whenever a frame comes that
    is `needed_to` decide something.
    """

    def __init__(
        self,
        broker: NatsBroker,
        session_id: str,
        participant_id: str,
        track_id: str,
        from_sample: int,
        woken: asyncio.Event,
    ) -> None:
        self._nc = connection(broker)
        self._subject = audio_in_subject(session_id, participant_id)
        self._track_id = track_id
        self._from_sample = from_sample
        self._woken = woken
        self._waiting: deque[InFrame] = deque(maxlen=MAX_WAITING_FRAMES)
        self._history: list[InFrame] = []
        self._zero_line = ZeroLine()
        self._subscription: Subscription | None = None
        self._last_frame_at = time.monotonic()
        self._reconnects = 0
        self._end = from_sample
        """Up to where frames were passed on."""
        self.needed_to = 0
        """Frames that end before this sample of the track change nothing yet: they wait for the next one."""
        self.heard = False
        """Whether any frame of the track has arrived."""
        self.broken = 0
        """Frames that could not be read, or that cannot belong to this track."""
        self.dropped = 0
        """Frames that were dropped because too many waited."""

    async def __aenter__(self) -> "LiveSound":
        """Subscribe, then read what the stream has kept. Raises nats errors."""
        self._reconnects = self._nc.stats["reconnects"]
        self._subscription = await self._nc.subscribe(self._subject, cb=self._receive)
        await round_trip(self._nc)
        await self._read_history()
        return self

    async def catch_up(self) -> None:
        """Read what was missed if the connection was lost since the last check.

        Newer frames are passed on after that; otherwise they would seem to follow a silence. Raises nothing: while it
        cannot be read, `frames` returns none, and the next call tries again.
        """
        while (reconnects := self._nc.stats["reconnects"]) != self._reconnects and self._nc.is_connected:
            self._from_sample = self._end
            try:
                await round_trip(self._nc)  # it is subscribed again
                await self._read_history()
            except (NatsError, TimeoutError, OSError) as error:
                log.debug("track %s: missed sound cannot be read yet; trying again: %r", self._track_id, error)
                self._history.clear()
                return
            self._reconnects = reconnects

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Unsubscribe."""
        if self._subscription is not None and not self._nc.is_closed:
            await self._subscription.unsubscribe()

    def frames(self) -> list[InFrame]:
        """Return the frames that came since the last call, in order; none while missed ones are still to be read."""
        if self._nc.stats["reconnects"] != self._reconnects:
            return []
        frames, self._history = self._history, []
        was_read = bool(frames)
        while self._waiting:
            frames.append(self._waiting.popleft())
        if was_read:  # the audio stream may begin after the first of the frames that came meanwhile
            frames.sort(key=lambda frame: frame.first_sample)
        if frames:
            self._end = max(self._end, max(frame.first_sample + len(frame.pcm) // 2 for frame in frames))
        return frames

    def since_frame_ms(self) -> float:
        """Return how long ago the newest frame arrived."""
        return (time.monotonic() - self._last_frame_at) * 1000

    def count_broken(self, why: str) -> None:
        """Count a frame that was dropped; the first of a track is logged."""
        self.broken += 1
        if self.broken == 1:
            log.warning("track %s: dropping broken frames: %s", self._track_id, why)

    def _count_dropped(self) -> None:
        self.dropped += 1
        if self.dropped == 1:
            log.warning("track %s: %d frames wait: the oldest become silence", self._track_id, MAX_WAITING_FRAMES)

    async def _receive(self, message: Msg) -> None:
        frame = self._unpacked(message.data)
        if frame is not None:
            self._last_frame_at = time.monotonic()
            if len(self._waiting) == MAX_WAITING_FRAMES:
                self._count_dropped()
            self._waiting.append(frame)
            self.heard = True
            if frame.first_sample + len(frame.pcm) // 2 >= self.needed_to:
                self._woken.set()

    def _unpacked(self, data: bytes) -> InFrame | None:
        try:
            frame = unpack_in(data)
        except BadAudio as error:
            self.count_broken(str(error))
            return None
        return self._zero_line.centred(frame) if frame.track_id == self._track_id else None

    async def _read_history(self) -> None:
        start = await self._start()
        async for message in stored_messages(self._nc, AUDIO, self._subject, start):
            frame = self._unpacked(message.data)
            if frame is not None:
                self._history.append(frame)
        self.heard = self.heard or bool(self._history)

    async def _start(self) -> int:
        """Return a sequence of the audio stream; nothing before it is needed.

        A track's positions grow with the sequences. Frames of another track of the same participant lie
        before, if the newest frame is of this one.
        """
        newest = await last_message(self._nc, AUDIO, self._subject)
        if newest is None or self._unpacked(newest.data) is None:
            return 1
        return await start_of(self._nc, AUDIO, self._subject, self._is_before)

    def _is_before(self, message: StoredMessage) -> bool:
        frame = self._unpacked(message.data)
        return frame is None or frame.first_sample < self._from_sample - MARGIN_SAMPLES
