"""Who is at the other end of a call: a page's WebSocket, or a room."""

from typing import Any, Protocol

from bridge.call.client_clock import ClientClock
from infra.log.event_log import Fact


class ReplyPlayer(Protocol):
    """Plays the agent's replies to a listener and counts what of them was played: what a new door must bring.

    It is told in order, and never waits. Of each reply it gets `reply`, its sound in any pieces, and `reply_end`; in
    between `pause`, `resume` or `stop`. A reply follows another once that is over or stopped. It tells back, by
    `bridge.playback.reports.Played`, how many samples of the reply were played:

    - at the first sample that is not silent (`started`), then about ten times a second, in answer to each `pause` and
      `stop`, where its sound runs out (`stalled`), and after the last sample (`ended`);
    - a count never goes back, and is never beyond what was sent. It counts from the reply's own start, also where
      `reply` says that its sound begins with `first_sample`, as another door had sent what is before;
    - a pause holds it at once, and the sample after the last one that was counted is the next one to be heard;
    - of a reply that was stopped nothing more is heard or counted, and sound of it that was on its way is dropped;
    - sound that comes late is waited for in silence, which is not counted.

    A player that can tell when its counts were true (`at_ms`) makes the record exact to some milliseconds.
    tests/bridge/playback/player_contract.py holds a player to all of this.
    """

    def tell(self, message: dict[str, Any]) -> None:
        """Take a message: `reply`, `reply_end`, `pause`, `resume` or `stop`. Others change nothing."""

    def sound(self, pcm: bytes) -> None:
        """Take sound (int16 little endian, mono) of the reply that was announced last."""


class Line(ReplyPlayer, Protocol):
    """Takes what the call has to tell, in order and without waiting. `tell` takes `notice` and `taken` as well."""

    clock: ClientClock
    counts_played: bool
    """Whether it is known to tell what it plays."""

    def fact(self, fact: Fact) -> None:
        """Take a fact of the session; those there were before come first."""

    def refuse(self, code: str, message: str) -> None:
        """Take that the call cannot go on here: `code` for programs, `message` for people."""

    def end(self) -> None:
        """Take that nothing more comes."""
