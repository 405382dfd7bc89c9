"""Commands of playback to the call that runs it."""

from dataclasses import dataclass
from typing import Any

from contracts.events import Event, ReplyClauseWritten


@dataclass(frozen=True, slots=True)
class Tell:
    """Send a message to the client."""

    message: dict[str, Any]


@dataclass(frozen=True, slots=True)
class SendSound:
    """Send sound of the reply that was announced last to the client."""

    pcm: bytes


@dataclass(frozen=True, slots=True)
class Say:
    """Store a fact."""

    event: Event


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask synthesis to publish a clause's sound: again, or that of an opener."""

    clause: ReplyClauseWritten
    is_lost: bool = True
    """It was published, and did not come."""


Command = Tell | SendSound | Say | Ask
