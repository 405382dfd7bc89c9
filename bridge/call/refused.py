"""Sessions whose client was refused while the log was away. They may be stored later, and nothing else ends them."""

import logging
import time
from dataclasses import dataclass

from faststream.nats import NatsBroker

from bridge.call.ownership import may_be_held
from bridge.call.session_events import closing_events, left_open
from bridge.call.session_state import session_state_of
from contracts import events as e
from contracts.topology import (
    session_subjects,
)
from infra.log.connection import answers, connection
from infra.log.event_log import ExpectedSequence, StaleWriter, append, facts_after, now_ns

log = logging.getLogger(__name__)

MOST = 10_000
"""How many are remembered; beyond that, the oldest are left to the next door, which ends orphans when it starts."""
PATIENCE_S = 3.0


@dataclass(slots=True)
class _Refused:
    is_new: bool
    back_s: float | None = None
    """When it was first looked for, with the log back."""


class RefusedSessions:
    """Ends each once the log is back, and checks again after the grace: what NATS had received may be stored late.

    Nobody knows a new session. One to which its client returned is only ended after the grace, if nobody holds it.
    """

    def __init__(self, broker: NatsBroker, grace_s: float) -> None:
        self._broker = broker
        self._grace_s = grace_s
        self._left: dict[str, _Refused] = {}

    def add(self, session_id: str, is_new: bool) -> None:
        """Remember a session whose client was refused."""
        self._left[session_id] = _Refused(is_new)
        while len(self._left) > MOST:
            del self._left[next(iter(self._left))]

    async def look(self) -> None:
        """End those that are due, if the log is available. Raises nats errors, LogUnavailable, TimeoutError."""
        if not self._left or not await answers(connection(self._broker)):
            return
        for session_id, refused in list(self._left.items()):
            is_first = refused.back_s is None
            if not is_first and time.monotonic() < (refused.back_s or 0) + self._grace_s:
                continue
            is_ended = (refused.is_new or not is_first) and await self._end(session_id)
            refused.back_s = refused.back_s or time.monotonic()
            if is_ended or not is_first:
                self._left.pop(session_id, None)

    async def _end(self, session_id: str) -> bool:
        """End a session if it is open and nobody holds it; return whether it was."""
        facts = await facts_after(self._broker, session_id, patience_s=PATIENCE_S)
        state = session_state_of(fact.event for fact in facts)
        if not state.opened or state.closed or await may_be_held(connection(self._broker), session_id):
            return False
        time_ns = now_ns()
        events: list[e.Event] = [*left_open(session_id, state, time_ns, "refused")]
        events += closing_events(session_id, state.people, "refused", time_ns)
        tracks = [f.sequence for f in facts if isinstance(f.event, e.TrackPublished | e.TrackUnpublished)]
        last_track = max(tracks, default=0)
        try:
            for event in events:
                is_end = isinstance(event, e.SessionClosed)
                expected = ExpectedSequence(session_subjects(session_id, "track"), last_track) if is_end else None
                sequence = await append(self._broker, event, expected, PATIENCE_S)
                last_track = sequence if isinstance(event, e.TrackUnpublished) else last_track
        except StaleWriter:
            return False  # its client has just come back
        log.info("session %s was stored after its client had been refused; it has been ended", session_id)
        return True
