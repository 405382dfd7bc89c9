"""What reasoning needs of the connection to NATS besides the log."""

import contextlib
from typing import Protocol

from faststream.nats import NatsBroker
from nats.errors import Error as NatsError

from infra.log.connection import connection


class Wire(Protocol):
    """The connection: live, or a silent one in a replay."""

    @property
    def reconnects(self) -> int:
        """How often the connection was lost: plain subscriptions may have missed something each time."""

    async def whisper(self, subject: str, data: bytes) -> None:
        """Publish a message that is not stored and may get lost: at once, or not at all while NATS is away."""


class LiveWire:
    """The connection of a broker."""

    def __init__(self, broker: NatsBroker) -> None:
        self._broker = broker

    @property
    def reconnects(self) -> int:
        """See Wire."""
        return int(connection(self._broker).stats["reconnects"])

    async def whisper(self, subject: str, data: bytes) -> None:
        """See Wire."""
        nc = connection(self._broker)
        if nc.is_connected:
            with contextlib.suppress(NatsError, OSError):
                await nc.publish(subject, data)


class SilentWire:
    """Nobody hears what is whispered, and the connection is never lost: for a replay, which has that on the tape."""

    @property
    def reconnects(self) -> int:
        """See Wire."""
        return 0

    async def whisper(self, subject: str, data: bytes) -> None:
        """Publish nothing."""
