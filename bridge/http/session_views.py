"""A session's facts as the API tells them. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from bridge.http.models import (
    FinalSummary,
    RollingSummary,
    SessionDetail,
    SessionItem,
    Summary,
    TranscriptTurn,
    time_of,
)
from bridge.http.session_index import Listed
from contracts import events as e


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
    """Return one session; of an erased one is left when it was, and how much."""
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
        profile=opened.profile.model_dump() if isinstance(opened, e.SessionOpened) else {},
    )


def user_of(facts: Sequence[e.Event]) -> str:
    """Return whose session it is; empty if that was erased."""
    return next((fact.user_id for fact in facts if isinstance(fact, e.SessionOpened)), "")


@dataclass(slots=True)
class _Reply:
    started: e.ReplyStarted
    clauses: dict[int, str] = field(default_factory=dict)
    written: str | None = None
    begun: e.PlaybackStarted | None = None
    heard: str | None = None
    interrupted: bool = False

    @property
    def is_known(self) -> bool:
        """Whether anybody has heard of it: not so of drafts that were given up."""
        return self.begun is not None or self.heard is not None

    def take(self, event: e.Event) -> None:
        match event:
            case e.ReplyClauseWritten():
                self.clauses[event.index] = event.text
            case e.ReplyCompleted():
                self.written = event.text
            case e.PlaybackStarted():
                self.begun = event
            case e.PlaybackFinished():
                self.heard = event.heard_text
            case e.PlaybackInterrupted():
                self.heard, self.interrupted = event.heard_text, True


def transcript_of(facts: Sequence[e.Event]) -> list[TranscriptTurn]:
    """Return the exchanges in order: turns with their answer, if they got one, and what the agent said by itself."""
    replies: dict[str, _Reply] = {}
    ended: dict[str, e.TurnEnded] = {}
    for fact in facts:
        match fact:
            case e.ReplyStarted():
                replies.setdefault(fact.reply_id, _Reply(fact))
            case e.TurnEnded():
                ended[fact.turn_id or fact.event_id] = fact
            case _ if (reply := replies.get(getattr(fact, "reply_id", ""))) is not None:
                reply.take(fact)
    known = [reply for reply in replies.values() if reply.is_known]
    answers = {reply.started.turn_id: reply for reply in known}
    greetings = [reply for reply in known if reply.started.turn_id not in ended]
    turns = [_turn(turn, answers.get(turn_id)) for turn_id, turn in ended.items()]
    return sorted([*turns, *(_turn(None, reply) for reply in greetings)], key=lambda turn: turn.at)


def _turn(turn: e.TurnEnded | None, reply: _Reply | None) -> TranscriptTurn:
    if turn is None:
        assert reply is not None
        at_ns, source, turn_id = reply.started.time_ns, "greeting", reply.started.turn_id
    else:
        at_ns, source, turn_id = turn.time_ns, turn.source, turn.turn_id
    written = ""
    if reply is not None:
        joined = " ".join(reply.clauses[index] for index in sorted(reply.clauses))
        written = joined if reply.written is None else reply.written
    return TranscriptTurn.model_validate(
        {
            "turn_id": turn_id,
            "reply_id": reply.started.reply_id if reply else None,
            "at": time_of(at_ns),
            "source": source,
            "user_text": turn.text if turn else "",
            "agent_text": (reply.heard or "") if reply else "",
            "agent_written": written,
            "interrupted": reply.interrupted if reply else False,
            "gap_ms": reply.begun.gap_ms if reply and reply.begun else None,
        }
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
