"""The line of a call into a room: what the call tells is heard there, and what was played is told back."""

import logging
from collections.abc import Callable
from typing import Any

from bridge.livekit.loudspeaker import Loudspeaker

log = logging.getLogger(__name__)


class RoomLine:
    """A room as a client of its call. `refused` is called with a code when the call cannot go on there."""

    def __init__(self, loudspeaker: Loudspeaker, refused: Callable[[str], None]) -> None:
        self._loudspeaker = loudspeaker
        self._refused = refused

    def tell(self, message: dict[str, Any]) -> None:
        """Take a message of the call."""
        self._loudspeaker.tell(message)

    def sound(self, pcm: bytes) -> None:
        """Take sound of the reply that was announced last."""
        self._loudspeaker.sound(pcm)

    def refuse(self, code: str, message: str) -> None:
        """Be still: the call cannot go on here."""
        log.warning("%s: %s", code, message)
        self._loudspeaker.silence()
        self._refused(code)

    def end(self) -> None:
        """Be still: nothing more comes."""
        self._loudspeaker.silence()
