"""Publish microphone frames; those that may not have arrived are kept, and published again when NATS is back."""

import logging
from collections import deque

from nats.aio.client import Client
from nats.errors import Error as NatsError

from bridge.call import departures
from contracts.audio import IN_SAMPLE_RATE_HZ, InFrame

log = logging.getLogger(__name__)

MAX_KEPT_S = 60
"""An outage of the log without loss of sound; a call with facts to append survives 40 s (`bridge.call.publisher`)."""

Stretch = tuple[str, int, int]
"""A track, and the samples `[start, end)` of it."""


class SoundPublisher:
    """Publishes a participant's frames in order, and keeps each until the server is known to have it.

    Two answers of the server after a frame prove it (`arrived`): the first may have been requested before the frame
    was written. What went out on a lost connection is published once more on the next one: listeners skip what they
    have. During an outage the last 60 s wait.
    """

    def __init__(self, nc: Client, subject: str) -> None:
        self._nc = nc
        self._subject = subject
        self._kept: deque[InFrame] = deque()
        self._kept_samples = 0
        self._next = 0
        """How many of the kept frames were published on this connection."""
        self._before_answer = 0
        """How many of them were published before the server's last answer was requested."""
        self._lost: list[Stretch] = []
        self._connection = _reconnects(nc)
        self._held = self._failed = not nc.is_connected
        self._departures = departures.of(nc)

    async def send(self, *frames: InFrame) -> None:
        """Publish frames, together with those of other microphones, or keep them until the log is back."""
        for frame in frames:
            self._keep(frame)
        await self._departures.leave(self._publish)

    async def end(self) -> None:
        """Return when all that can be published has been, after the last frame."""
        await self._departures.leave_at_last(self._publish)

    def hold(self) -> None:
        """Publish nothing until `release`: the log is away."""
        self._held = True

    def arrived(self) -> None:
        """Note that the server has answered: it has what was published before its previous answer."""
        if not self.is_keeping:
            for _ in range(self._before_answer):
                self._forget_first()
            self._before_answer = self._next

    async def release(self) -> list[Stretch]:
        """Publish what was kept: the log and the listeners are back. Return what could not be kept."""
        if self._is_other_connection:
            self._connection, self._next = _reconnects(self._nc), 0
        self._before_answer = 0
        self._held = self._failed = False
        await self._publish()
        lost, self._lost = self._lost, []
        return lost

    @property
    def is_keeping(self) -> bool:
        """Whether frames wait for the log."""
        return self._held or self._failed or self._is_other_connection

    @property
    def _is_other_connection(self) -> bool:
        return _reconnects(self._nc) != self._connection

    async def _publish(self) -> None:
        while self._next < len(self._kept) and not self.is_keeping:
            if not self._nc.is_connected:
                self._failed = True
                return
            data = self._kept[self._next].pack()
            self._next += 1
            try:
                await self._nc.publish(self._subject, data)
            except (NatsError, OSError) as error:
                log.debug("sound is kept until the log is back: %r", error)
                self._next = max(0, self._next - 1)
                self._failed = True

    def _keep(self, frame: InFrame) -> None:
        self._kept.append(frame)
        self._kept_samples += _samples(frame)
        while self._kept_samples > MAX_KEPT_S * IN_SAMPLE_RATE_HZ:
            if self._next == 0 or self._held:
                self._note_lost(self._kept[0])
            self._forget_first()

    def _forget_first(self) -> None:
        self._kept_samples -= _samples(self._kept.popleft())
        self._next, self._before_answer = max(0, self._next - 1), max(0, self._before_answer - 1)

    def _note_lost(self, frame: InFrame) -> None:
        end = frame.first_sample + _samples(frame)
        if self._lost and self._lost[-1][0] == frame.track_id and self._lost[-1][2] == frame.first_sample:
            self._lost[-1] = (frame.track_id, self._lost[-1][1], end)
        else:
            self._lost.append((frame.track_id, frame.first_sample, end))


def _samples(frame: InFrame) -> int:
    return len(frame.pcm) // 2


def _reconnects(nc: Client) -> int:
    return int(nc.stats["reconnects"])
