"""Tells which turns nothing answers any more, so that what was said in them is recorded all the same. Pure.

A caller who goes on before the answer to a turn is heard ends another turn; one reply then answers the words of both.
Somebody who hangs up hears no answer at all.
"""

from collections.abc import Iterable, Iterator
from itertools import takewhile

from actors.persistence.record import turn_of, unanswered_record
from actors.persistence.session_state import ReplyState, SessionState
from contracts.events import Event, PlaybackFinished, PlaybackInterrupted, SessionClosed, TurnEnded, TurnRecorded


def passed_over(
    session: SessionState, played: PlaybackFinished | PlaybackInterrupted, time_ns: int
) -> Iterator[TurnRecorded]:
    """Yield the records of turns before the one whose reply was played, if no reply of theirs is to come."""
    turn_id = turn_of(session, played)
    if turn_id in session.turns:
        before = takewhile(lambda turn: turn.turn_id != turn_id, session.turns.values())
        yield from _unanswered(session, before, _answered_by(session.replies.values()), played, time_ns)


def left_at_close(session: SessionState, cause: SessionClosed | TurnEnded, time_ns: int) -> Iterator[TurnRecorded]:
    """Yield the records of all other turns of a session that is over, unless a reply of theirs was being played.

    The end of that one's playback is a fact of its own. `cause` may be a turn that ended only after the session had:
    the last words before hanging up.
    """
    if session.closed:
        playing = _answered_by(reply for reply in session.replies.values() if reply.heard is not None)
        yield from _unanswered(session, session.turns.values(), playing, cause, time_ns)


def _answered_by(replies: Iterable[ReplyState]) -> set[str | None]:
    return {reply.started.turn_id for reply in replies if reply.started is not None}


def _unanswered(
    session: SessionState, turns: Iterable[TurnEnded], answering: set[str | None], cause: Event, time_ns: int
) -> Iterator[TurnRecorded]:
    for turn in turns:
        if turn.turn_id not in session.settled | answering and (
            record := unanswered_record(session, turn, cause, time_ns)
        ):
            yield record
