"""What reasoning knows about a session: a fold of its facts, which can be rebuilt from the log at any time.

Applying a fact twice changes nothing, so it may be applied when it is appended and again when it is read back.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from actors.reasoning.tool_uses import ToolUse, note_call, note_return, note_settled
from contracts import events as e
from contracts.topology import REASONING
from contracts.written import put_together
from infra.session.guarded_words import told
from infra.session.heard_words import clauses_in_log, heard, rate_of
from infra.session.people import Person, note
from infra.session.same_words import normalised

NS_PER_S = 1_000_000_000


@dataclass(slots=True)
class Reply:
    """One answer, from its first clause to what was heard of it."""

    reply_id: str
    turn_id: str | None
    text: str
    draft: bool
    committed: bool = False
    discarded: bool = False
    interrupted: bool = False
    finish: str | None = None
    clauses: dict[int, str] = field(default_factory=dict)
    sounds: dict[int, e.ClauseSynthesized] = field(default_factory=dict)
    tools: dict[str, ToolUse] = field(default_factory=dict)
    """Its calls of tools, by their ids, in order."""
    playback_ns: int | None = None
    """When the current sound began, or continued after a pause."""
    played_samples: int = 0
    """What had been heard by then, or by the pause."""
    paused: bool = False
    stopped_ns: int | None = None
    """When it was interrupted: playback goes no further."""
    stopped_turn_id: str | None = None
    """By which turn."""
    heard: str | None = None
    """What the person heard of it, once playback has ended."""
    heard_ns: int | None = None
    """When that was."""
    recalled: str = ""
    """What the model was given of earlier conversations."""
    memories: tuple[str, ...] = ()
    """Reply ids of those exchanges."""
    knows_less: bool = False
    """A draft that was begun before the loss of words of its turn, or what came of an action, was known."""

    @property
    def alive(self) -> bool:
        """Whether it is still being written."""
        return self.finish is None and not self.discarded

    @property
    def has_open_tools(self) -> bool:
        """Whether it is not known of a call what came of it."""
        return any(use.is_open for use in self.tools.values())

    def text_of(self, first: int, before: int) -> str:
        """Return the clauses from index `first` on, those from `before` on left out."""
        return put_together(self.clauses[index] for index in sorted(self.clauses) if first <= index < before)

    @property
    def granted(self) -> bool:
        """Whether it may be heard: not a draft, or a committed one."""
        return not self.discarded and (self.committed or not self.draft)

    @property
    def written(self) -> str:
        """All clauses so far."""
        return put_together(self.clauses[index] for index in sorted(self.clauses))


@dataclass(slots=True)
class Turn:
    """What somebody said: `text` once the turn has ended; `settled_id` is the last event worth a draft."""

    turn_id: str
    text: str | None = None
    transcribed: dict[str, str] = field(default_factory=dict)
    """The final words of its utterances so far, by their ids."""
    settled_id: str | None = None
    participant_id: str = ""
    begun_ns: int = 0
    """When they began to speak, or when typed text arrived."""
    ended_id: str | None = None
    """Event id of its TurnEnded."""
    passed: e.TurnPassed | None = None
    """Why it is not answered."""
    lost: bool = False
    """Whether words of it could not be recognised."""
    guarded: dict[str, e.TurnGuarded] = field(default_factory=dict)
    """What the agent's guard has decided, by the words that it was given."""

    def guard_of(self, text: str) -> e.TurnGuarded | None:
        """Return what the guard has decided about these words; None if nothing, or if they pass."""
        return self.guarded.get(normalised(text))

    def told(self, text: str) -> str:
        """Return these words of it as a model may read them: empty if the guard keeps them away."""
        return told(text, self.guarded.values())


@dataclass(slots=True)
class Session:
    """The state.

    `sequence` is that of the last fact read back, `reply_sequence` and `tool_sequence` of the last ones known about a
    reply and about a tool.
    """

    session_id: str
    sequence: int = 0
    reply_sequence: int = 0
    tool_sequence: int = 0
    profile: e.AgentProfile | None = None
    """That of the agent who has the conversation now."""
    handed_over: list[e.HandedOver] = field(default_factory=list)
    """Each time that another agent took over."""
    user_id: str = ""
    closed: bool = False
    summary: e.SummaryRevised | None = None
    """Stands for the turns up to its `through_turn_id`."""
    turns: dict[str, Turn] = field(default_factory=dict)
    replies: dict[str, Reply] = field(default_factory=dict)
    people: dict[str, Person] = field(default_factory=dict)
    """Who has joined, except the agent, in the order in which they came."""
    other_language_id: str = ""
    """The first UtteranceDismissed for its language that was not spoken over a reply."""
    failures: set[str] = field(default_factory=set)
    """Event ids of the failures of models, whichever copy they happened to."""
    known_to_fail: set[str] = field(default_factory=set)
    """Models whose failure, or rest, the log tells, and that were not asked first since; MCP servers that were away."""

    @property
    def is_by_text(self) -> bool:
        """Whether nobody speaks in it: people and agent write."""
        return self.profile is not None and not self.profile.speaks


def apply(session: Session, event: e.Event, sequence: int) -> None:
    """Apply one fact."""
    if isinstance(event, _REPLY_NOUN):
        session.reply_sequence = max(session.reply_sequence, sequence)
    elif isinstance(event, _TOOL_NOUN):
        session.tool_sequence = max(session.tool_sequence, sequence)
    if (handler := _ON_SESSION.get(type(event))) is not None:
        handler(session, event)
    elif (change := _ON_REPLY.get(type(event))) is not None:
        reply = session.replies.get(getattr(event, "reply_id", ""))
        if reply is not None:
            change(reply, event)


def turn_key(event: e.Event) -> str:
    """Return the turn that an event belongs to; one without is a turn of its own."""
    return event.turn_id or event.event_id


def _opened(session: Session, event: e.SessionOpened) -> None:
    session.profile, session.user_id = event.profile, event.user_id


def _handed_over(session: Session, event: e.HandedOver) -> None:
    if all(known.event_id != event.event_id for known in session.handed_over):
        session.handed_over.append(event)
        session.profile = event.profile


def _closed(session: Session, event: e.SessionClosed) -> None:
    session.closed = True


def _came_or_left(session: Session, event: e.ParticipantJoined | e.ParticipantLeft) -> None:
    note(session.people, event)


def _turn(
    session: Session,
    event: e.SpeechStarted | e.TranscriptRevised | e.UtteranceTranscribed | e.SpeechLost | e.TurnGuarded,
) -> Turn:
    turn = session.turns.setdefault(turn_key(event), Turn(turn_key(event)))
    turn.participant_id = event.participant_id
    turn.begun_ns = turn.begun_ns or event.time_ns
    return turn


def _speaking(session: Session, event: e.SpeechStarted) -> None:
    _turn(session, event)


def _revised(session: Session, event: e.TranscriptRevised) -> None:
    if event.settled:
        _turn(session, event).settled_id = event.event_id


def _ended(session: Session, event: e.TurnEnded) -> None:
    turn = session.turns.pop(turn_key(event), None) or Turn(turn_key(event))
    turn.text, turn.ended_id, turn.participant_id = event.text, event.event_id, event.participant_id
    turn.begun_ns = turn.begun_ns or event.time_ns
    session.turns[turn.turn_id] = turn  # moved to the end: turns are in the order in which they ended


def _transcribed(session: Session, event: e.UtteranceTranscribed) -> None:
    _turn(session, event).transcribed[event.utterance_id] = event.text


def _dismissed(session: Session, event: e.UtteranceDismissed) -> None:
    if event.reason == "language" and event.over_reply_id is None:
        session.other_language_id = session.other_language_id or event.event_id


def _lost(session: Session, event: e.SpeechLost) -> None:
    turn = _turn(session, event)
    turn.lost = True
    for reply in session.replies.values():
        if reply.turn_id == turn.turn_id and not reply.granted:
            reply.knows_less = True


def _guarded(session: Session, event: e.TurnGuarded) -> None:
    _turn(session, event).guarded.setdefault(normalised(event.text), event)


def _passed(session: Session, event: e.TurnPassed) -> None:
    if (turn := session.turns.get(turn_key(event))) is not None:
        turn.passed = event


def _started(session: Session, event: e.ReplyStarted) -> None:
    reply = Reply(event.reply_id, event.turn_id, event.text, event.draft)
    if event.memories:
        # The question comes last, what was recalled for it before.
        reply.recalled, reply.memories = event.context[-2].text, event.memories
    session.replies.setdefault(event.reply_id, reply)
    session.known_to_fail.discard(event.model)


def _summarised(session: Session, event: e.SummaryRevised) -> None:
    if session.summary is None or event.turns >= session.summary.turns:
        session.summary = event


def _failed(session: Session, event: e.EngineFailed) -> None:
    if event.actor == REASONING:
        session.failures.add(event.event_id)
        session.known_to_fail.add(event.engine)


def _committed(reply: Reply, event: e.ReplyCommitted) -> None:
    reply.committed = True


def _clause(reply: Reply, event: e.ReplyClauseWritten) -> None:
    reply.clauses.setdefault(event.index, event.text)


def _called(reply: Reply, event: e.ToolCalled) -> None:
    note_call(reply.tools, event, len(reply.clauses))


def _returned(session: Session, event: e.ToolReturned) -> None:
    if (reply := session.replies.get(event.reply_id)) is not None:
        note_return(reply.tools, event)
        _know_less(session, reply, event.call_id)


def _settled(session: Session, event: e.ToolSettled) -> None:
    if (reply := session.replies.get(event.reply_id)) is not None:
        note_settled(reply.tools, event)
        _know_less(session, reply, event.call_id)


def _know_less(session: Session, reply: Reply, call_id: str) -> None:
    """Note that drafts which were begun before do not know what came of an action of another reply."""
    use = reply.tools.get(call_id)
    for other in session.replies.values():
        if use is not None and use.is_action and other is not reply and not other.granted:
            other.knows_less = True


def _completed(reply: Reply, event: e.ReplyCompleted) -> None:
    reply.finish = reply.finish or event.finish


def _discarded(reply: Reply, event: e.ReplyDiscarded) -> None:
    reply.discarded = True


def _interrupted(reply: Reply, event: e.TurnInterrupted) -> None:
    reply.interrupted = True
    reply.stopped_ns = reply.stopped_ns or event.time_ns
    reply.stopped_turn_id = reply.stopped_turn_id or turn_key(event)


def _synthesized(reply: Reply, event: e.ClauseSynthesized) -> None:
    reply.sounds[event.index] = event


def _playing(reply: Reply, event: e.PlaybackStarted | e.PlaybackResumed) -> None:
    reply.playback_ns, reply.paused = event.heard_ns or event.time_ns, False
    reply.played_samples = event.played_samples


def _paused(reply: Reply, event: e.PlaybackPaused | e.PlaybackStalled) -> None:
    reply.paused, reply.played_samples = True, event.played_samples


def _heard(reply: Reply, event: e.PlaybackFinished | e.PlaybackInterrupted) -> None:
    reply.heard, reply.heard_ns = event.heard_text, event.time_ns
    reply.interrupted = reply.interrupted or isinstance(event, e.PlaybackInterrupted)


_REPLY_NOUN = (e.ReplyStarted, e.ReplyCommitted, e.ReplyClauseWritten, e.ReplyCompleted, e.ReplyDiscarded)
_TOOL_NOUN = (e.ToolCalled, e.ToolReturned, e.ToolSettled)
_ON_SESSION: dict[type[e.Event], Callable[[Session, Any], None]] = {
    e.SessionOpened: _opened,
    e.HandedOver: _handed_over,
    e.SessionClosed: _closed,
    e.ParticipantJoined: _came_or_left,
    e.ParticipantLeft: _came_or_left,
    e.SpeechStarted: _speaking,
    e.TranscriptRevised: _revised,
    e.SpeechLost: _lost,
    e.TurnEnded: _ended,
    e.UtteranceTranscribed: _transcribed,
    e.UtteranceDismissed: _dismissed,
    e.TurnPassed: _passed,
    e.TurnGuarded: _guarded,
    e.ReplyStarted: _started,
    e.SummaryRevised: _summarised,
    e.EngineFailed: _failed,
    e.ToolReturned: _returned,
    e.ToolSettled: _settled,
}
_ON_REPLY: dict[type[e.Event], Callable[[Reply, Any], None]] = {
    e.ReplyCommitted: _committed,
    e.ReplyClauseWritten: _clause,
    e.ToolCalled: _called,
    e.ReplyCompleted: _completed,
    e.ReplyDiscarded: _discarded,
    e.TurnInterrupted: _interrupted,
    e.ClauseSynthesized: _synthesized,
    e.PlaybackStarted: _playing,
    e.PlaybackResumed: _playing,
    e.PlaybackPaused: _paused,
    e.PlaybackStalled: _paused,
    e.PlaybackFinished: _heard,
    e.PlaybackInterrupted: _heard,
}


def heard_by(reply: Reply, time_ns: int) -> str:
    """Return what the person had heard of a reply at `time_ns`.

    Once playback has ended, that is what the door counted. Until then it is assumed to continue without a break
    since the last fact about it; a clause whose sound is still being made counts at the pace of those before it.
    """
    if reply.heard is not None:
        return reply.heard
    if reply.playback_ns is None:
        return ""
    samples, rate_hz = reply.played_samples, rate_of(reply.sounds)
    if not reply.paused:
        until_ns = min(time_ns, reply.stopped_ns or time_ns)
        samples += max(0, until_ns - reply.playback_ns) * rate_hz // NS_PER_S
    return heard(clauses_in_log(reply.clauses, reply.sounds), samples, rate_hz).text
