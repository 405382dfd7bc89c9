"""Tells which turns nothing answers any more, so that what was said in them is recorded all the same. Pure.

A caller who goes on before the answer to a turn is heard ends another turn; one reply then answers the words of both.
Somebody who hangs up hears no answer at all.
"""

from collections.abc import Iterator

from actors.persistence.record import turn_of, unanswered_record
from actors.persistence.session_state import SessionState
from contracts.events import PlaybackFinished, PlaybackInterrupted, SessionClosed, TurnEnded, TurnRecorded


def passed_over(
    session: SessionState, played: PlaybackFinished | PlaybackInterrupted, time_ns: int
) -> Iterator[TurnRecorded]:
    """Yield the records of turns before the one whose reply was played, if no reply of theirs is to come."""
    turn_id = turn_of(session, played)
    if turn_id not in session.turns:
        return
    answering = {reply.started.turn_id for reply in session.replies.values() if reply.started is not None}
    for turn in session.turns.values():
        if turn.turn_id == turn_id:
            return
        if turn.turn_id not in session.settled | answering and (
            record := unanswered_record(session, turn, played, time_ns)
        ):
            yield record


def left_at_close(session: SessionState, cause: SessionClosed | TurnEnded, time_ns: int) -> Iterator[TurnRecorded]:
    """Yield the records of all other turns of a session that is over, unless a reply of theirs was being played.

    The end of that one's playback is a fact of its own. `cause` may be a turn that ended only after the session had:
    the last words before hanging up.
    """
    if not session.closed:
        return
    playing = {
        reply.started.turn_id
        for reply in session.replies.values()
        if reply.started is not None and reply.heard is not None
    }
    for turn in session.turns.values():
        if turn.turn_id not in session.settled | playing and (
            record := unanswered_record(session, turn, cause, time_ns)
        ):
            yield record
