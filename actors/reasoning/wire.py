"""What reasoning needs of the connection to NATS besides the log."""

import contextlib
from collections.abc import Callable
from typing import Protocol

from faststream.nats import NatsBroker
from nats.errors import Error as NatsError

from infra.log.broker import when_reconnected
from infra.log.connection import connection


class Wire(Protocol):
    """The connection: live, or a silent one in a replay."""

    def when_reconnected(self, tell: Callable[[], None]) -> None:
        """Have `tell` called after each outage: plain subscriptions may have missed something."""

    async def whisper(self, subject: str, data: bytes) -> None:
        """Publish a message that is not stored and may get lost: at once, or not at all while NATS is away."""


class LiveWire:
    """The connection of a broker."""

    def __init__(self, broker: NatsBroker) -> None:
        self._broker = broker

    def when_reconnected(self, tell: Callable[[], None]) -> None:
        """See Wire."""
        when_reconnected(self._broker, tell)

    async def whisper(self, subject: str, data: bytes) -> None:
        """See Wire."""
        nc = connection(self._broker)
        if nc.is_connected:
            with contextlib.suppress(NatsError, OSError):
                await nc.publish(subject, data)


class SilentWire:
    """Nobody hears what is whispered, and the connection is never lost: for a replay, which has that on the tape."""

    def when_reconnected(self, tell: Callable[[], None]) -> None:
        """Tell nothing."""

    async def whisper(self, subject: str, data: bytes) -> None:
        """Publish nothing."""
