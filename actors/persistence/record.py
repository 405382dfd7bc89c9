"""Builds the record of one exchange from the session state: what was said, written and heard. Pure."""

from actors.persistence.session_state import ReplyState, SessionState
from contracts.answers import answer
from contracts.events import PlaybackFinished, PlaybackInterrupted, TurnEnded, TurnRecorded
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
    turn_id, turn = _turn_of(reply, session, played)
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
        user_id=user_of(session.people, turn.participant_id, session.user_id) if turn else session.user_id,
        participant_id=turn.participant_id if turn else None,
        speaker=known_name(session.people, turn.participant_id) if turn else "",
        turn_ended_ns=turn.time_ns if turn else 0,
    )


def is_whole(session: SessionState, played: PlaybackFinished | PlaybackInterrupted) -> bool:
    """Return whether everything that a record needs is held, or the reply is recorded already."""
    if played.reply_id in session.recorded:
        return True
    reply = session.replies.get(played.reply_id)
    turn_id, turn = _turn_of(reply, session, played)
    return reply is not None and (turn_id is None or turn is not None)


def _turn_of(
    reply: ReplyState | None, session: SessionState, played: PlaybackFinished | PlaybackInterrupted
) -> tuple[str | None, TurnEnded | None]:
    turn_id = (reply.started.turn_id if reply is not None and reply.started else None) or played.turn_id
    return turn_id, session.turns.get(turn_id or "")


def _written(reply: ReplyState) -> str:
    if reply.written is not None:
        return reply.written
    return put_together(reply.clauses[index] for index in sorted(reply.clauses))
