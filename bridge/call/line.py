"""Who is at the other end of a call: a page's WebSocket, or a room."""

from typing import Any, Protocol

from bridge.call.client_clock import ClientClock
from infra.log.event_log import Fact


class Line(Protocol):
    """Takes what the call has to tell, in order and without waiting."""

    clock: ClientClock
    counts_played: bool
    """Whether it is known to tell what it plays."""

    def tell(self, message: dict[str, Any]) -> None:
        """Take a message: `reply`, `reply_end`, `pause`, `resume`, `stop` or `notice`."""

    def fact(self, fact: Fact) -> None:
        """Take a fact of the session; those there were before come first."""

    def sound(self, pcm: bytes) -> None:
        """Take sound (int16 little endian, mono) of the reply that was announced last."""

    def refuse(self, code: str, message: str) -> None:
        """Take that the call cannot go on here: `code` for programs, `message` for people."""

    def end(self) -> None:
        """Take that nothing more comes."""
