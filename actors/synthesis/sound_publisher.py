"""Publishes the frames of one clause and confirms that NATS has received all, without waiting for each."""

import asyncio
import logging
import time

from nats.aio.client import Client
from nats.errors import Error as NatsError

from infra.log.connection import round_trip
from infra.log.event_log import LogUnavailable, now_ns

log = logging.getLogger(__name__)

LOOK_AGAIN_S = 0.05


class Outlet:
    """Frames of a clause in flight: kept until NATS confirms them, and sent again if the connection was lost."""

    def __init__(self, nc: Client, subject: str) -> None:
        self._nc = nc
        self._subject = subject
        self._frames: list[bytes] = []
        self._whole = nc.is_connected
        self._reconnects = nc.stats["reconnects"]
        self.first_frame_ns = 0

    async def send(self, frame: bytes) -> None:
        """Publish a frame on core NATS; while NATS is away it is only kept."""
        self._frames.append(frame)
        self._whole = self._whole and self._nc.is_connected
        if self._whole:
            await self._publish(frame)
        if not self.first_frame_ns:
            self.first_frame_ns = now_ns()

    async def confirm(self, patience_s: float = 60) -> None:
        """Return once NATS has received every frame. Raises LogUnavailable after `patience_s` without NATS."""
        deadline = time.monotonic() + patience_s
        while not await self._delivered():
            if time.monotonic() > deadline:
                raise LogUnavailable(f"the sound on {self._subject} could not be published for {patience_s:g} s")
            await asyncio.sleep(LOOK_AGAIN_S)
            if self._nc.is_connected:
                self._whole, self._reconnects = True, self._nc.stats["reconnects"]
                log.warning("publishing %d frames on %s again", len(self._frames), self._subject)
                for frame in self._frames:
                    await self._publish(frame)

    async def _publish(self, frame: bytes) -> None:
        try:
            await self._nc.publish(self._subject, frame)
        except (NatsError, OSError):
            self._whole = False

    async def _delivered(self) -> bool:
        """Return whether all frames went over one connection and the server has answered after them."""
        if not self._whole or not self._nc.is_connected:
            return False
        try:
            await round_trip(self._nc)
        except (NatsError, TimeoutError, OSError):
            return False
        return bool(self._nc.is_connected and self._nc.stats["reconnects"] == self._reconnects)
