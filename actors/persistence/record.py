"""One complete exchange out of a session's facts: what was said, written and heard."""

from collections.abc import Iterable

from contracts.events import (
    Event,
    PlaybackFinished,
    PlaybackInterrupted,
    PlaybackStarted,
    ReplyClauseWritten,
    ReplyCompleted,
    ReplyStarted,
    SessionOpened,
    TurnEnded,
    TurnRecorded,
)
from contracts.ids import derive_id
from contracts.written import put_together
from infra.people import Person, known_name, note, user_of


def record_of(
    facts: Iterable[Event], played: PlaybackFinished | PlaybackInterrupted, time_ns: int
) -> TurnRecorded | None:
    """Return the record of the reply whose playback ended, or None if it is in the log already.

    `facts` are the session's, in order. The id follows from the reply: it is recorded once, however it ended.
    """
    started: ReplyStarted | None = None
    heard: PlaybackStarted | None = None
    clauses: dict[int, str] = {}
    written: str | None = None
    turns: dict[str, TurnEnded] = {}
    user_id = ""
    people: dict[str, Person] = {}
    for fact in facts:
        note(people, fact)
        match fact:
            case TurnEnded(turn_id=str(ended)):
                turns[ended] = fact
            case SessionOpened():
                user_id = fact.user_id
            case _ if getattr(fact, "reply_id", None) != played.reply_id:
                continue
            case TurnRecorded():
                return None
            case ReplyStarted():
                started = fact
            case ReplyClauseWritten(index=index, text=text):
                clauses[index] = text
            case ReplyCompleted(text=text):
                written = text
            case PlaybackStarted():
                heard = fact
    turn_id = (started.turn_id if started else None) or played.turn_id
    turn = turns.get(turn_id or "")
    return TurnRecorded(
        event_id=derive_id(f"{played.session_id}:{played.reply_id}", "TurnRecorded"),
        session_id=played.session_id,
        time_ns=time_ns,
        cause_id=played.event_id,
        turn_id=turn_id,
        reply_id=played.reply_id,
        user_text=turn.text if turn else (started.text if started else ""),
        written_text=written if written is not None else put_together(clauses[index] for index in sorted(clauses)),
        heard_text=played.heard_text,
        interrupted=isinstance(played, PlaybackInterrupted),
        gap_ms=heard.gap_ms if heard else None,
        parts=heard.parts if heard else None,
        user_id=user_of(people, turn.participant_id, user_id) if turn else user_id,
        participant_id=turn.participant_id if turn else None,
        speaker=known_name(people, turn.participant_id) if turn else "",
        turn_ended_ns=turn.time_ns if turn else 0,
    )
