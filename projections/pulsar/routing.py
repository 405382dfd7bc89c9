"""Which fact goes to which topics, and as what bytes: a pure function of the fact.

- `conversation` has every fact of the log as it is: enough to follow, replay or keep a conversation.
- `agent-lifecycle` has who joined and left, and what failed: for those who run the system.
- `session-metrics` has times, counts and reasons of the facts in `METRICS`, without words that anybody said or wrote.
"""

from typing import Any, NamedTuple

import msgpack

from contracts import events as e
from contracts.topology import EVENTS
from infra.log.stream_reader import StoredMessage
from projections.known_events import known_event

TENANT = "arc"
CONVERSATION = "persistent://arc/events/conversation"
LIFECYCLE = "persistent://arc/events/agent-lifecycle"
METRICS_TOPIC = "persistent://arc/analytics/session-metrics"

PRODUCERS: dict[str, str] = {
    CONVERSATION: "daredevil-conversation",
    LIFECYCLE: "daredevil-agent-lifecycle",
    METRICS_TOPIC: "daredevil-session-metrics",
}
"""The producer name of each topic. The broker's deduplication depends on it: never change one."""

LIFECYCLE_EVENTS: frozenset[type[e.Event]] = frozenset(
    {
        e.SessionOpened,
        e.SessionClosed,
        e.SessionErased,
        e.ParticipantJoined,
        e.ParticipantLeft,
        e.TrackPublished,
        e.TrackUnpublished,
        e.RecordingStored,
        e.EngineFailed,
        e.HearingRestarted,
        e.RecognitionFellBehind,
    }
)

COMMON = ("schema_version", "event_id", "session_id", "time_ns", "cause_id", "turn_id")

METRICS: dict[type[e.Event], tuple[str, ...]] = {
    e.SessionOpened: ("door", "build", "engines"),
    e.SessionClosed: ("reason",),
    e.SessionErased: ("part",),
    e.SoundLost: ("track_id", "start_sample", "end_sample", "lost_ms", "reason"),
    e.SpeechLost: ("utterance_id", "start_sample", "end_sample", "reason"),
    e.RecognitionFellBehind: ("waited_ms",),
    e.HearingRestarted: ("track_id",),
    e.UtteranceDismissed: ("reason", "confidence", "speech_ms"),
    e.TurnEnded: ("source", "evidence", "lost_ms"),
    e.TurnPassed: ("reason",),
    e.TurnGuarded: ("guard", "decision", "elapsed_ms"),
    e.ClauseGuarded: ("reply_id", "index", "guard", "decision", "elapsed_ms"),
    e.TurnInterrupted: ("reply_id", "speech_ms"),
    e.InterruptionDismissed: ("reply_id", "reason", "speech_ms"),
    e.OpenerCued: ("reply_id", "reason", "score", "silence_ms", "required_silence_ms"),
    e.OpenerRetracted: ("reply_id",),
    e.OpenerPlayed: ("reply_id", "played_samples", "retracted", "gap_ms"),
    e.RemarkRequested: ("requested_by",),
    e.EndRequested: ("reason", "requested_by"),
    e.ReplyStarted: ("reply_id", "draft", "model", "recall_ms", "cached"),
    e.ReplyCompleted: ("reply_id", "clauses", "finish", "first_token_ms", "elapsed_ms", "tokens"),
    e.ToolCalled: ("reply_id", "call_id", "tool", "kind"),
    e.ToolReturned: ("reply_id", "call_id", "tool", "outcome", "attempts", "elapsed_ms"),
    e.PlaybackStarted: ("reply_id", "gap_ms", "parts", "waited_for", "ready_before_ms", "beside"),
    e.PlaybackFinished: ("reply_id", "played_samples"),
    e.PlaybackInterrupted: ("reply_id", "played_samples", "clause_index", "reason"),
    e.TurnRecorded: ("reply_id", "interrupted", "gap_ms", "parts", "turn_ended_ns"),
    # Without the error: engines quote their input.
    e.EngineFailed: ("actor", "engine"),
}
"""The fields of each fact in `session-metrics`, besides the common ones. None may hold words."""


class TopicMessage(NamedTuple):
    """One message for one topic; `event_time_ms` is Unix epoch."""

    topic: str
    sequence: int
    payload: bytes
    key: str
    properties: dict[str, str]
    event_time_ms: int


def topics_of(event_class: type[e.Event]) -> tuple[str, ...]:
    """Return the topics of facts of this class."""
    return _TOPICS[event_class]


def _topics_of(event_class: type[e.Event]) -> tuple[str, ...]:
    lifecycle = (LIFECYCLE,) if event_class in LIFECYCLE_EVENTS else ()
    metrics = (METRICS_TOPIC,) if event_class in METRICS else ()
    return (CONVERSATION, *lifecycle, *metrics)


_TOPICS: dict[type[e.Event], tuple[str, ...]] = {row.event: _topics_of(row.event) for row in EVENTS}


def messages_of(fact: StoredMessage) -> list[TopicMessage]:
    """Return the messages for a fact of the log. Raises FromTheFuture; Undecodable if it is not a known fact."""
    sequence, data = fact.sequence, fact.data
    event = known_event(sequence, fact.subject, data)
    event_class = type(event)
    properties = {
        "session": event.session_id,
        "event": event_class.__name__,
        "schema_version": str(event.schema_version),
        "sequence": str(sequence),
    }
    if traceparent := fact.headers.get("traceparent"):
        properties["traceparent"] = traceparent
    time_ms = event.time_ns // 1_000_000
    return [
        TopicMessage(
            topic,
            sequence,
            _metrics(event_class, data) if topic == METRICS_TOPIC else data,
            event.session_id,
            properties,
            time_ms,
        )
        for topic in _TOPICS[event_class]
    ]


def _metrics(event_class: type[e.Event], data: bytes) -> bytes:
    fields: dict[str, Any] = msgpack.unpackb(data)
    kept = (*COMMON, *METRICS[event_class])
    return bytes(msgpack.packb({name: fields[name] for name in kept if name in fields}))
