"""What a fact of the log changes in the tables. Pure: one message in, changes of tables out."""

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from contracts import events as e
from contracts.codec import Undecodable
from contracts.topology import tail_of
from infra.log.stream_reader import StoredMessage
from projections.known_events import known_event
from projections.positions import place_of
from projections.postgres.text import stored, stored_json

MAX_DIMENSIONS = 16_000
"""The longest vector that pgvector stores."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class EventRow(NamedTuple):
    """A row of `events`: `data` is JSON; a message that is not one of our events has `raw` instead."""

    sequence: int
    session_id: str
    event: str
    event_id: str | None
    time_at: datetime | None
    turn_id: str | None
    cause_id: str | None
    schema_version: int | None
    data: str | None
    raw: bytes | None


class Opening(NamedTuple):
    """The columns of a row of `sessions` known at its opening."""

    session_id: str
    user_id: str | None
    door: str | None
    opened_at: datetime | None
    profile: str | None
    sequence: int


class Closing(NamedTuple):
    """The columns of a row of `sessions` known at its close."""

    session_id: str
    closed_at: datetime | None
    close_reason: str | None


class ConversationRow(NamedTuple):
    """A row of `conversations`; `embedding` is float32, little endian, as in the fact."""

    reply_id: str
    session_id: str
    turn_id: str | None
    user_id: str | None
    turn_ended_at: datetime | None
    recorded_at: datetime | None
    user_text: str
    written_text: str
    heard_text: str
    interrupted: bool
    gap_ms: float | None
    endpointing_ms: float | None
    vad_ms: float | None
    stt_ms: float | None
    first_token_ms: float | None
    clause_ms: float | None
    first_audio_ms: float | None
    bus_ms: float | None
    playback_ms: float | None
    embedding: bytes | None
    embedding_model: str | None
    participant_id: str | None
    speaker: str | None
    sequence: int


class SummaryRow(NamedTuple):
    """A row of `summaries`."""

    sequence: int
    session_id: str
    kind: str
    summary: str
    topics: list[str]
    sentiment: str | None
    action_items: list[str]
    turns: int
    model: str
    written_at: datetime | None


class Recording(NamedTuple):
    """A row of `recordings` without its sound, which is fetched from the stream of recordings."""

    recording_id: str
    session_id: str
    codec: str
    sample_rate_hz: int
    channels: int
    duration_ms: float
    start_at: datetime | None
    sequence: int


class Erasure(NamedTuple):
    """A session's words are removed: all rows before `sequence`; facts in `skeleton` keep only what is in it."""

    session_id: str
    sequence: int
    erased_at: datetime | None
    skeleton: tuple[e.ErasedFact, ...]


Change = Opening | Closing | ConversationRow | SummaryRow | Recording | Erasure


class Folded(NamedTuple):
    """One message: its row of `events`, its other changes, and what could not be stored completely."""

    row: EventRow
    changes: tuple[Change, ...]
    problem: str = ""


def fold(message: StoredMessage, partitions: int = 1) -> Folded:
    """Return what a message changes, in a log of so many partitions. Raises FromTheFuture."""
    try:
        event = known_event(message.sequence, message.subject, message.data)
    except Undecodable as error:
        return _unreadable(message, str(error))
    name = type(event).__name__
    row = EventRow(
        message.sequence,
        event.session_id,
        name,
        stored(event.event_id),
        instant(event.time_ns),
        stored(event.turn_id),
        stored(event.cause_id),
        event.schema_version,
        stored_json(event.model_dump_json(exclude_none=True)),
        None,
    )
    changes_of = _CHANGES.get(type(event))
    if changes_of is None:
        return Folded(row, ())
    change, problem = changes_of(event, message.sequence)
    if isinstance(change, Erasure) and partitions > 1:
        change = change._replace(
            skeleton=tuple(_placed(fact, change.session_id, partitions) for fact in change.skeleton)
        )
    return Folded(row, (change,), problem and f"event {message.sequence} ({name}): {problem}")


def _placed(fact: e.ErasedFact, session_id: str, partitions: int) -> e.ErasedFact:
    """Return what is left of an erased fact with its place: an erasure names sequences of the session's stream."""
    return fact.model_copy(update={"sequence": place_of(session_id, fact.sequence, partitions)})


def _unreadable(message: StoredMessage, reason: str) -> Folded:
    _, _, rest = message.subject.partition(".")
    session_id, _, tail = rest.partition(".")
    # A token of a subject may be longer than what an index of Postgres takes; our ids have 64 characters.
    row = EventRow(message.sequence, session_id[:128], tail[:128], None, None, None, None, None, None, message.data)
    return Folded(row, (), f"event {message.sequence} on {message.subject}: {reason}")


def skeleton_row(session_id: str, fact: e.ErasedFact) -> EventRow:
    """Return the row that is left of an erased fact."""
    return EventRow(
        fact.sequence,
        session_id,
        stored(fact.event),
        stored(fact.event_id),
        instant(fact.time_ns),
        stored(fact.turn_id),
        None,
        None,
        None,
        None,
    )


def skeleton_changes(erasure: Erasure) -> list[Opening | Closing]:
    """Return what is left of the erased facts in `sessions`."""
    left: list[Opening | Closing] = []
    for fact in erasure.skeleton:
        if fact.event in (e.SessionOpened.__name__, tail_of(e.SessionOpened)):
            left.append(Opening(erasure.session_id, None, None, instant(fact.time_ns), None, fact.sequence))
        elif fact.event in (e.SessionClosed.__name__, tail_of(e.SessionClosed)):
            left.append(Closing(erasure.session_id, instant(fact.time_ns), None))
    return left


def instant(time_ns: int) -> datetime | None:
    """Return a time as timestamptz stores it, to the microsecond; None for 0, which means "unknown"."""
    if not time_ns:
        return None
    try:
        return _EPOCH + timedelta(microseconds=time_ns // 1000)
    except OverflowError:
        return None


def _opened(event: e.SessionOpened, sequence: int) -> tuple[Change, str]:
    profile = stored_json(event.profile.model_dump_json(exclude_none=True))
    at = instant(event.time_ns)
    return Opening(event.session_id, stored(event.user_id), stored(event.door), at, profile, sequence), ""


def _closed(event: e.SessionClosed, _sequence: int) -> tuple[Change, str]:
    return Closing(event.session_id, instant(event.time_ns), stored(event.reason)), ""


def _erased(event: e.SessionErased, sequence: int) -> tuple[Change, str]:
    return Erasure(event.session_id, sequence, instant(event.time_ns), event.skeleton), ""


def _turn(event: e.TurnRecorded, sequence: int) -> tuple[Change, str]:
    parts = event.parts
    embedding, problem = vector_of(event.embedding)
    row = ConversationRow(
        reply_id=stored(event.reply_id),
        session_id=event.session_id,
        turn_id=stored(event.turn_id),
        user_id=stored(event.user_id) or None,
        turn_ended_at=instant(event.turn_ended_ns),
        recorded_at=instant(event.time_ns) or _EPOCH,
        user_text=stored(event.user_text),
        written_text=stored(event.written_text),
        heard_text=stored(event.heard_text),
        interrupted=event.interrupted,
        gap_ms=event.gap_ms,
        endpointing_ms=parts.endpointing_ms if parts else None,
        vad_ms=parts.vad_ms if parts else None,
        stt_ms=parts.stt_ms if parts else None,
        first_token_ms=parts.first_token_ms if parts else None,
        clause_ms=parts.clause_ms if parts else None,
        first_audio_ms=parts.first_audio_ms if parts else None,
        bus_ms=parts.bus_ms if parts else None,
        playback_ms=parts.playback_ms if parts else None,
        embedding=embedding,
        embedding_model=stored(event.embedding_model) or None,
        participant_id=event.participant_id,
        speaker=stored(event.speaker) or None,
        sequence=sequence,
    )
    return row, problem


def vector_of(embedding: bytes) -> tuple[bytes | None, str]:
    """Return an embedding that can be stored, and what is wrong with it if it cannot."""
    if not embedding:
        return None, ""
    if len(embedding) % 4:
        return None, f"an embedding of {len(embedding)} bytes is not float32: stored without it"
    if len(embedding) // 4 > MAX_DIMENSIONS:
        return None, f"an embedding of {len(embedding) // 4} dimensions is too long for pgvector: stored without it"
    # A sum of this many float32 is finite in double precision unless one of them is not.
    if not math.isfinite(sum(memoryview(embedding).cast("f"))):
        return None, "an embedding that is not finite: stored without it"
    return embedding, ""


def dimensions(embedding: bytes) -> int:
    """Return how many numbers an embedding has."""
    return len(embedding) // 4


def _revised(event: e.SummaryRevised, sequence: int) -> tuple[Change, str]:
    at = instant(event.time_ns) or _EPOCH
    text, model = stored(event.summary), stored(event.model)
    return SummaryRow(sequence, event.session_id, "rolling", text, [], None, [], event.turns, model, at), ""


def _written(event: e.SummaryWritten, sequence: int) -> tuple[Change, str]:
    return SummaryRow(
        sequence,
        event.session_id,
        "final",
        stored(event.summary),
        [stored(topic) for topic in event.topics],
        event.sentiment,
        [stored(item) for item in event.action_items],
        event.turns,
        stored(event.model),
        instant(event.time_ns) or _EPOCH,
    ), ""


def _recorded(event: e.RecordingStored, sequence: int) -> tuple[Change, str]:
    return Recording(
        stored(event.recording_id),
        event.session_id,
        stored(event.codec),
        event.sample_rate_hz,
        event.channels,
        event.duration_ms,
        instant(event.start_ns),
        sequence,
    ), ""


_CHANGES: dict[type[e.Event], Callable[[Any, int], tuple[Change, str]]] = {
    e.SessionOpened: _opened,
    e.SessionClosed: _closed,
    e.SessionErased: _erased,
    e.TurnRecorded: _turn,
    e.SummaryRevised: _revised,
    e.SummaryWritten: _written,
    e.RecordingStored: _recorded,
}
