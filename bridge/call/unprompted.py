"""What a call does by itself: it says what is due because time has passed, and ends when it is to end."""

import logging
from collections.abc import Callable

from bridge.call.last_words import LastWords
from bridge.call.timed_remarks import TimedRemarks
from contracts import events as e

log = logging.getLogger(__name__)


class Unprompted:
    """Follows the facts of a session; `act` is called again and again with the time."""

    def __init__(self, session_id: str, note: Callable[[e.Event], None], end: Callable[[str], None]) -> None:
        self._session_id = session_id
        self._note = note
        self._end = end
        self._last_words = LastWords()
        self._timed_remarks = TimedRemarks(session_id)

    def apply(self, event: e.Event) -> None:
        """Apply the next fact."""
        self._last_words.apply(event)
        self._timed_remarks.apply(event)

    def act(self, at_ns: int) -> None:
        """Say what is due, and end the session if it is to end and all was heard."""
        for event in self._timed_remarks.due(at_ns, self._last_words.is_quiet):
            self._note(event)
            self._last_words.apply(event)
        if reason := self._last_words.reason_to_end(at_ns):
            log.info("session %s ends as it was asked to: %s", self._session_id, reason)
            self._end(reason)
