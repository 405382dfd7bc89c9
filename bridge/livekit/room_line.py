"""The line of a call into a room: it plays and shows there what the call sends, and reports what was played."""

import logging
from collections.abc import Callable
from typing import Any

from bridge.call.client_clock import ClientClock
from bridge.livekit.board import Board
from bridge.livekit.captions import Captions
from bridge.livekit.loudspeaker import RoomLoudspeaker
from bridge.livekit.state import AgentState
from bridge.playback.reports import Played
from infra.log.event_log import Fact, now_ns

log = logging.getLogger(__name__)


class RoomLine:
    """A room as a client of its call. `played` receives the counts, `refused` a code when the call cannot go on."""

    def __init__(
        self, rate_hz: int, board: Board, played: Callable[[Played], None], refused: Callable[[str], None]
    ) -> None:
        self.clock, self.counts_played = ClientClock(), True
        self.loudspeaker = RoomLoudspeaker(rate_hz, self._on_played)
        self._board = board
        self._played = played
        self._refused = refused
        self._captions = Captions(now_ns())
        self._state = AgentState()
        self._first_sample = 0
        """Where the last reply continues: the loudspeaker counts from there, the call from the reply's start."""

    def ready(self) -> None:
        """Show that the agent listens, as soon as it hears those who speak."""
        self._state.ready()
        self._board.set_state(self._state.now)

    def hears(self, is_so: bool) -> None:
        """Note whether what people say now is heard."""
        self._state.hears(is_so)
        self._board.set_state(self._state.now)

    def tell(self, message: dict[str, Any]) -> None:
        """Take a message of the call."""
        if message["type"] == "reply":
            self._first_sample = message.get("first_sample", 0)
        elif message["type"] == "reply_end":
            message = message | {"samples": message["samples"] - self._first_sample}
        self.loudspeaker.tell(message)

    def fact(self, fact: Fact) -> None:
        """Take a fact of the session."""
        for caption in self._captions.take(fact.event):
            self._board.show(caption)
        self._state.take(fact.event)
        self._board.set_state(self._state.now)

    def sound(self, pcm: bytes) -> None:
        """Take sound of the reply that was announced last."""
        self.loudspeaker.sound(pcm)

    def refuse(self, code: str, message: str) -> None:
        """Fall silent: the call cannot go on here."""
        log.warning("%s: %s", code, message)
        self.loudspeaker.silence()
        self._refused(code)

    def end(self) -> None:
        """Fall silent: nothing more comes."""
        self.loudspeaker.silence()

    def _on_played(self, report: Played) -> None:
        samples = self._first_sample + report.samples
        self._played(report.model_copy(update={"samples": samples}))
        for caption in self._captions.played(report.reply_id, samples):
            self._board.show(caption)
