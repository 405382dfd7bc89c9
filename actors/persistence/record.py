"""Builds the record of one exchange from the session state: what was said, written and heard. Pure."""

from typing import Any

from actors.persistence.session_state import ReplyState, SessionState
from contracts.answers import answer
from contracts.events import Event, PlaybackFinished, PlaybackInterrupted, TurnEnded, TurnRecorded
from contracts.ids import derive_id
from contracts.written import put_together
from infra.session.guarded_words import told
from infra.session.people import known_name, user_of


def record_of(
    session: SessionState, played: PlaybackFinished | PlaybackInterrupted, time_ns: int
) -> TurnRecorded | None:
    """Return the record of the reply whose playback ended, or None if it is in the log already.

    The id is derived from the reply: it is recorded once, however it ended.
    """
    if played.reply_id in session.recorded:
        return None
    reply = session.replies.get(played.reply_id, ReplyState())
    turn_id = turn_of(session, played)
    turn = session.turns.get(turn_id or "")
    said = turn.text if turn else (reply.started.text if reply.started else "")
    return answer(
        played,
        TurnRecorded,
        time_ns=time_ns,
        id_from=f"{played.session_id}:{played.reply_id}",
        turn_id=turn_id,
        reply_id=played.reply_id,
        user_text=told(said, session.guarded.get(turn_id or "", ())),
        written_text=_written(reply),
        heard_text=played.heard_text,
        interrupted=isinstance(played, PlaybackInterrupted),
        gap_ms=reply.heard.gap_ms if reply.heard else None,
        parts=reply.heard.parts if reply.heard else None,
        **_asked_by(session, turn),
    )


def unanswered_record(session: SessionState, turn: TurnEnded, cause: Event, time_ns: int) -> TurnRecorded | None:
    """Return the record of a turn of which no answer is heard any more; None if no words of it may be kept.

    Its reply is none that was written; `cause` is what made it known.
    """
    said = told(turn.text, session.guarded.get(turn.turn_id or "", ())).strip()
    if not said:
        return None
    reply_id = derive_id(turn.event_id, "unanswered")
    return answer(
        cause,
        TurnRecorded,
        time_ns=time_ns,
        id_from=f"{turn.session_id}:{reply_id}",
        turn_id=turn.turn_id,
        reply_id=reply_id,
        user_text=said,
        written_text="",
        heard_text="",
        interrupted=True,
        **_asked_by(session, turn),
    )


def is_whole(session: SessionState, played: PlaybackFinished | PlaybackInterrupted) -> bool:
    """Return whether everything that a record needs is held, or the reply is recorded already."""
    if played.reply_id in session.recorded:
        return True
    turn_id = turn_of(session, played)
    return played.reply_id in session.replies and (turn_id is None or turn_id in session.turns)


def turn_of(session: SessionState, played: PlaybackFinished | PlaybackInterrupted) -> str | None:
    """Return the id of the turn that a reply answers."""
    reply = session.replies.get(played.reply_id)
    return (reply.started.turn_id if reply is not None and reply.started else None) or played.turn_id


def _asked_by(session: SessionState, turn: TurnEnded | None) -> dict[str, Any]:
    if turn is None:
        return {"user_id": session.user_id, "participant_id": None, "speaker": "", "turn_ended_ns": 0}
    return {
        "user_id": user_of(session.people, turn.participant_id, session.user_id),
        "participant_id": turn.participant_id,
        "speaker": known_name(session.people, turn.participant_id),
        "turn_ended_ns": turn.time_ns,
    }


def _written(reply: ReplyState) -> str:
    if reply.written is not None:
        return reply.written
    return put_together(reply.clauses[index] for index in sorted(reply.clauses))
