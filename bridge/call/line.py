"""Who is at the other end of a call: a page's WebSocket, or a room."""

from typing import Any, Protocol

from bridge.call.client_clock import ClientClock
from infra.log.event_log import Fact


class ReplyPlayer(Protocol):
    """Plays the agent's replies to a listener and counts what was played: what a new door must implement.

    Its methods are called in order and never wait. For each reply it gets `reply`, its sound in any pieces, and
    `reply_end`; in between `pause`, `resume` or `stop`. A reply follows another once that is over or stopped. It
    reports, as `bridge.playback.reports.Played`, how many samples of the reply were played:

    - at the first sample that is not silent (`started`), then about ten times a second, in answer to each `pause` and
      `stop`, where its sound runs out (`stalled`), and after the last sample (`ended`);
    - a count never goes back, and is never beyond what was sent. It counts from the reply's own start, also where
      `reply` says that its sound begins with `first_sample`, as another door had sent what is before;
    - a pause takes effect at once, and the sample after the last counted one is the next one to be heard;
    - nothing more of a stopped reply is heard or counted, and its sound that was on its way is dropped;
    - while sound is late, the player waits in silence, which is not counted.

    A player that reports when its counts were true (`at_ms`) makes the record exact to some milliseconds.
    tests/bridge/playback/player_contract.py holds a player to all of this.
    """

    def tell(self, message: dict[str, Any]) -> None:
        """Process a message: `reply`, `reply_end`, `pause`, `resume` or `stop`. Others change nothing."""

    def sound(self, pcm: bytes) -> None:
        """Add sound (int16 little endian, mono) of the reply that was announced last."""


class Line(ReplyPlayer, Protocol):
    """Receives what the call sends, in order and without waiting. `tell` also accepts `notice` and `taken`."""

    clock: ClientClock
    counts_played: bool
    """Whether it is known to report what it plays."""

    def fact(self, fact: Fact) -> None:
        """Receive a fact of the session; past ones come first."""

    def refuse(self, code: str, message: str) -> None:
        """Receive that the call cannot continue here: `code` for programs, `message` for people."""

    def end(self) -> None:
        """Receive that nothing more follows."""
