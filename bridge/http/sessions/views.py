"""A session's facts as the API shows them. Pure."""

from collections.abc import Sequence

from bridge.http.models import (
    CaptionItem,
    FinalSummary,
    Playback,
    RecordingItem,
    RollingSummary,
    SessionDetail,
    SessionItem,
    Summary,
    Transcript,
    TranscriptReply,
    TranscriptTurn,
    time_of,
)
from contracts import events as e
from infra.export.conversation import Conversation, Exchange, ExportedReply
from infra.session.index import Listed


def item_of(listed: Listed) -> SessionItem:
    """Return a session of a list."""
    opened = listed.event
    return SessionItem(
        session_id=opened.session_id,
        user_id=opened.user_id,
        door=opened.door,
        opened_at=time_of(opened.time_ns),
        closed_at=time_of(listed.closed.time_ns) if listed.closed else None,
        close_reason=listed.closed.reason if listed.closed else None,
        erased_at=time_of(listed.erased.time_ns) if listed.erased else None,
        has_recording=listed.recording is not None,
        has_summary=listed.summary is not None,
    )


def detail_of(session_id: str, facts: Sequence[e.Event]) -> SessionDetail:
    """Return one session; an erased one has only its times and counts."""
    last = {type(fact): fact for fact in facts}
    opened, closed = last.get(e.SessionOpened), last.get(e.SessionClosed)
    erased = last.get(e.SessionErased)
    return SessionDetail(
        session_id=session_id,
        user_id=opened.user_id if isinstance(opened, e.SessionOpened) else "",
        door=opened.door if isinstance(opened, e.SessionOpened) else "",
        opened_at=time_of(facts[0].time_ns),
        closed_at=time_of(closed.time_ns) if closed else None,
        close_reason=closed.reason if isinstance(closed, e.SessionClosed) else None,
        erased_at=time_of(erased.time_ns) if erased else None,
        has_recording=e.RecordingStored in last,
        has_summary=e.SummaryWritten in last,
        turns=sum(isinstance(fact, e.TurnEnded) for fact in facts),
        facts=len(facts),
        participants=sorted({fact.participant_id for fact in facts if isinstance(fact, e.ParticipantJoined)}),
        profile=opened.profile.model_dump(exclude_none=True) if isinstance(opened, e.SessionOpened) else {},
    )


def transcript_of(session_id: str, told: Conversation) -> Transcript:
    """Return what was said, in order."""
    opened = told.opened
    turns = [_turn(exchange) for exchange in told.exchanges]
    return Transcript(session_id=session_id, user_id=opened.user_id, began_at=time_of(opened.time_ns), turns=turns)


def playback_of(session_id: str, told: Conversation, recording: RecordingItem | None) -> Playback:
    """Return what was said, and when in the recording."""
    captions = [
        CaptionItem(speaker=each.speaker, name=each.name, text=each.text, start_ms=each.start_ms, end_ms=each.end_ms)
        for each in told.captions
    ]
    return Playback(**dict(transcript_of(session_id, told)), recording=recording, captions=captions)


def _turn(exchange: Exchange) -> TranscriptTurn:
    return TranscriptTurn.model_validate(
        {
            "turn_id": exchange.turn_id,
            "source": exchange.source or "agent",
            "name": exchange.name,
            "text": exchange.text,
            "start_ms": exchange.start_ms,
            "end_ms": exchange.end_ms,
            "replies": [_reply(reply) for reply in exchange.replies],
        }
    )


def _reply(reply: ExportedReply) -> TranscriptReply:
    return TranscriptReply(
        reply_id=reply.reply_id,
        text=reply.heard,
        written=reply.written,
        start_ms=reply.start_ms,
        end_ms=reply.end_ms,
        interrupted=reply.interrupted,
        gap_ms=reply.gap_ms,
        parts=reply.parts,
    )


def summary_of(session_id: str, facts: Sequence[e.Event]) -> Summary:
    """Return the last summaries of a session."""
    final: FinalSummary | None = None
    rolling: RollingSummary | None = None
    for fact in facts:
        match fact:
            case e.SummaryWritten():
                fields = fact.model_dump(include={"summary", "topics", "sentiment", "action_items", "turns", "model"})
                final = FinalSummary(**fields, written_at=time_of(fact.time_ns))
            case e.SummaryRevised():
                fields = fact.model_dump(include={"summary", "turns", "model"})
                rolling = RollingSummary(**fields, written_at=time_of(fact.time_ns))
    return Summary(session_id=session_id, final=final, rolling=rolling)
