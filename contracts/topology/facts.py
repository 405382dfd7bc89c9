"""Every event's subject, and who appends it.

A new event is a class in `contracts.events` and a row in `EVENTS`.
"""

from dataclasses import dataclass

from contracts import events as e
from contracts.ids import is_id
from contracts.topology.addresses import (
    ACTORS,
    BRIDGE,
    CLI,
    ERASURE,
    PERSISTENCE,
    REASONING,
    SUMMARIES,
    SYNTHESIS,
    TOOLS,
    TRANSCRIPT,
    Address,
    checked_session,
)


@dataclass(frozen=True, slots=True)
class Row:
    """One event class, the tail of its subject (`<noun>.<state>`), and who appends it."""

    event: type[e.Event]
    tail: str
    publishers: tuple[str, ...]


EVENTS: tuple[Row, ...] = (
    Row(e.SessionOpened, "session.opened", (BRIDGE,)),
    Row(e.SessionClosed, "session.closed", (BRIDGE,)),
    Row(e.SessionErased, "session.erased", (ERASURE,)),
    Row(e.ParticipantJoined, "participant.joined", (BRIDGE,)),
    Row(e.ParticipantLeft, "participant.left", (BRIDGE,)),
    Row(e.DtmfReceived, "dtmf.received", (BRIDGE,)),
    Row(e.TrackPublished, "track.published", (BRIDGE,)),
    Row(e.TrackUnpublished, "track.unpublished", (BRIDGE,)),
    Row(e.SoundLost, "sound.lost", (BRIDGE,)),
    Row(e.SpeechStarted, "speech.started", (TRANSCRIPT,)),
    Row(e.SpeechEnded, "speech.ended", (TRANSCRIPT,)),
    Row(e.SpeechLost, "speech.lost", (TRANSCRIPT,)),
    Row(e.RecognitionFellBehind, "recognition.behind", (TRANSCRIPT,)),
    Row(e.HearingRestarted, "hearing.restarted", (TRANSCRIPT,)),
    Row(e.TranscriptRevised, "transcript.revised", (TRANSCRIPT,)),
    Row(e.TranscriptScored, "transcript.scored", (REASONING,)),
    Row(e.UtteranceTranscribed, "transcript.final", (TRANSCRIPT,)),
    Row(e.UtteranceDismissed, "utterance.dismissed", (TRANSCRIPT,)),
    Row(e.TurnEnded, "turn.ended", (TRANSCRIPT, BRIDGE)),
    Row(e.TurnInterrupted, "turn.interrupted", (TRANSCRIPT, BRIDGE)),
    Row(e.InterruptionDismissed, "interruption.dismissed", (TRANSCRIPT,)),
    Row(e.OpenerCued, "opener.cued", (TRANSCRIPT,)),
    Row(e.OpenerRetracted, "opener.retracted", (TRANSCRIPT,)),
    Row(e.OpenerPlayed, "opener.played", (BRIDGE,)),
    Row(e.TurnPassed, "turn.passed", (REASONING,)),
    Row(e.RemarkRequested, "remark.requested", (REASONING, BRIDGE)),
    Row(e.EndRequested, "ending.requested", (REASONING, TOOLS, BRIDGE)),
    Row(e.TurnGuarded, "guard.turn", (REASONING,)),
    Row(e.ClauseGuarded, "guard.clause", (REASONING,)),
    Row(e.ReplyStarted, "reply.started", (REASONING,)),
    Row(e.ReplyCommitted, "reply.committed", (REASONING,)),
    Row(e.ReplyClauseWritten, "reply.clause", (REASONING,)),
    Row(e.ToolCalled, "tool.called", (REASONING,)),
    Row(e.ToolBegun, "tool.begun", (TOOLS,)),
    Row(e.ToolReturned, "tool.returned", (REASONING, TOOLS)),
    Row(e.ToolSettled, "tool.settled", (REASONING, TOOLS, CLI)),
    Row(e.HandedOver, "agent.handed-over", (REASONING,)),
    Row(e.ReplyCompleted, "reply.completed", (REASONING,)),
    Row(e.ReplyDiscarded, "reply.discarded", (REASONING,)),
    Row(e.ClauseSynthesized, "clause.synthesized", (SYNTHESIS,)),
    Row(e.PlaybackStarted, "playback.started", (BRIDGE,)),
    Row(e.PlaybackStalled, "playback.stalled", (BRIDGE,)),
    Row(e.PlaybackPaused, "playback.paused", (BRIDGE,)),
    Row(e.PlaybackResumed, "playback.resumed", (BRIDGE,)),
    Row(e.PlaybackFinished, "playback.finished", (BRIDGE,)),
    Row(e.PlaybackInterrupted, "playback.interrupted", (BRIDGE,)),
    Row(e.RecordingStored, "recording.stored", (PERSISTENCE,)),
    Row(e.TurnRecorded, "turn.recorded", (PERSISTENCE,)),
    Row(e.SummaryRevised, "summary.revised", (SUMMARIES,)),
    Row(e.SummaryWritten, "summary.written", (SUMMARIES,)),
    Row(e.EngineFailed, "engine.failed", (*ACTORS, BRIDGE)),
)

EVENT_CLASSES: dict[str, type[e.Event]] = {row.tail: row.event for row in EVENTS}
_TAILS: dict[type[e.Event], str] = {row.event: row.tail for row in EVENTS}

FACTS = Address("voice.{session}.{noun}.{state}")
"""Where facts are stored; each event class has its own noun and state."""

LIVE = Address("live.{session}.{noun}.{state}")
"""Where a fact is republished as soon as it is stored, for plain subscriptions."""

_NOUNS = frozenset(row.tail.partition(".")[0] for row in EVENTS)


class UnknownSubject(ValueError):
    """The subject names no known event."""


def subject_of(event: e.Event) -> str:
    """Return the subject on which an event is stored."""
    return event_subject(event.session_id, type(event))


def event_subject(session_id: str, event_class: type[e.Event]) -> str:
    """Return the subject of one event class in one session. Raises ValueError for an unusable session id."""
    return FACTS.of(session_id, *_TAILS[event_class].split("."))


def event_subjects(event_class: type[e.Event]) -> str:
    """Return the filter for one event class in all sessions."""
    return f"{_prefix(FACTS)}.*.{_TAILS[event_class]}"


def session_subjects(session_id: str, noun: str = "*") -> str:
    """Return the filter for all facts of one session, or for those of one noun, such as `turn`.

    Writers of a noun's facts use the latter for the expected sequence. Raises ValueError for a noun that no event has.
    """
    return _of_noun(checked_session(session_id), noun)


def _of_noun(session: str, noun: str) -> str:
    if noun != "*" and noun not in _NOUNS:
        raise ValueError(f"no event's subject has the noun {noun!r}: use one of {', '.join(sorted(_NOUNS))}")
    return f"{_prefix(FACTS)}.{session}.{noun}.*"


def noun_subjects(noun: str) -> str:
    """Return the filter for the facts of one noun, such as `tool`, in all sessions.

    Raises ValueError for a noun that no event has.
    """
    return _of_noun("*", noun)


def live_subjects(session_id: str) -> str:
    """Return the plain subscription for facts of one session, republished when stored."""
    return LIVE.of(session_id, "*", "*")


def live_event_subject(event_class: type[e.Event]) -> str:
    """Return the plain subscription for one event class of all sessions."""
    return f"{_prefix(LIVE)}.*.{_TAILS[event_class]}"


def tail_of(event_class: type[e.Event]) -> str:
    """Return `<noun>.<state>` of an event class."""
    return _TAILS[event_class]


def event_class_of(subject: str) -> type[e.Event]:
    """Return the event class of a fact's subject, stored or live. Raises UnknownSubject."""
    prefix, _, rest = subject.partition(".")
    session, _, tail = rest.partition(".")
    if prefix not in (_prefix(FACTS), _prefix(LIVE)) or not is_id(session) or tail not in EVENT_CLASSES:
        raise UnknownSubject(f"no event is known for subject {subject!r}")
    return EVENT_CLASSES[tail]


def is_fact_subject(subject: str) -> bool:
    """Return whether messages on this subject are stored as facts, known to this version or not."""
    return subject.startswith(f"{_prefix(FACTS)}.")


def session_of(subject: str) -> str:
    """Return the session in a subject's second token, where nearly all of ours have it."""
    return subject.split(".")[1]


def _prefix(address: Address) -> str:
    return address.text.partition(".")[0]
