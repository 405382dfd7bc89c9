"""Microphone frames to the bus, kept for a while when NATS is away."""

import logging
from collections import deque

from nats.aio.client import Client
from nats.errors import Error as NatsError

from contracts.audio import FRAME_MS, InFrame

log = logging.getLogger(__name__)

MAX_KEPT_S = 30


class Uplink:
    """Publishes a participant's frames in order; during an outage the last 30 s (of 20 ms frames) wait."""

    def __init__(self, nc: Client, subject: str) -> None:
        self._nc = nc
        self._subject = subject
        self._kept: deque[bytes] = deque(maxlen=MAX_KEPT_S * 1000 // FRAME_MS)
        self._away = not nc.is_connected

    @property
    def is_keeping(self) -> bool:
        """Whether frames wait for the log."""
        return self._away

    async def send(self, frame: InFrame) -> None:
        """Publish a frame, or keep it until the log is back."""
        data = frame.pack()
        if not self._away and self._nc.is_connected:
            try:
                await self._nc.publish(self._subject, data)
                return
            except (NatsError, OSError) as error:
                log.debug("sound is kept: %r", error)
        self._away = True
        self._kept.append(data)

    async def release(self) -> None:
        """Publish what was kept: the log is back, and so are those who listen."""
        while self._kept and self._nc.is_connected:
            await self._nc.publish(self._subject, self._kept[0])
            self._kept.popleft()
        self._away = not self._nc.is_connected
