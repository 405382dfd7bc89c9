"""Replies that no door ends any more: they were read no further, as far as anybody can tell."""

from bridge.http.chat.session_events import ReadingFacts
from bridge.http.chat.session_state import SessionState
from infra.log.taped_log import EventLog

APPEND_PATIENCE_S = 3.0


async def settle_unread(event_log: EventLog, state: SessionState, now_ns: int) -> None:
    """Append that replies whose door died, or that are overtaken now, were read no further.

    How much a reader had received is unknown, so nothing counts as read. A door that is still alive appends better.
    Raises LogUnavailable.
    """
    for started in list(state.unread.values()):
        reading = ReadingFacts(started)
        for event in (reading.stopped(now_ns), reading.interrupted("", 0, "superseded", now_ns)):
            state.apply(await event_log.append(event, patience_s=APPEND_PATIENCE_S))
