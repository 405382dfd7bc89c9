from datetime import UTC, datetime

import pytest

from contracts import events as e
from contracts.codec import encode
from contracts.topology import subject_of
from infra.log.stream_reader import StoredMessage
from projections.known_events import FromTheFuture
from projections.postgres.fold import (
    Closing,
    ConversationRow,
    Erasure,
    Opening,
    Recording,
    SummaryRow,
    dimensions,
    fold,
    instant,
    skeleton_changes,
    vector_of,
)
from tests.contracts.samples import EVENT_CLASSES, sample

CHANGES = {
    e.SessionOpened: Opening,
    e.SessionClosed: Closing,
    e.SessionErased: Erasure,
    e.TurnRecorded: ConversationRow,
    e.SummaryRevised: SummaryRow,
    e.SummaryWritten: SummaryRow,
    e.RecordingStored: Recording,
}


def message(event: e.Event, sequence: int = 7) -> StoredMessage:
    return StoredMessage(sequence, subject_of(event), encode(event))


@pytest.mark.parametrize("event_class", EVENT_CLASSES)
def test_each_class_is_an_event_row_and_some_are_more(event_class: type[e.Event]) -> None:
    event = sample(event_class)
    row, changes, problem = fold(message(event))
    assert (row.sequence, row.event, row.session_id, row.event_id) == (
        7,
        event_class.__name__,
        event.session_id,
        event.event_id,
    )
    assert row.data is not None
    assert [type(change) for change in changes] == ([CHANGES[event_class]] if event_class in CHANGES else [])
    assert problem == ""


def test_what_is_no_event_is_kept_as_its_bytes_with_the_reason() -> None:
    row, changes, problem = fold(StoredMessage(3, "voice.s-1.turn.ended", b"\xff"))
    assert (row.event, row.session_id, row.data, row.raw, changes) == ("turn.ended", "s-1", None, b"\xff", ())
    assert "event 3" in problem


def test_a_newer_schema_version_is_not_guessed_at() -> None:
    event = sample(e.TurnEnded).model_copy(update={"schema_version": e.TurnEnded.SCHEMA_VERSION + 1})
    with pytest.raises(FromTheFuture, match="schema version 3"):
        fold(message(event))


def test_an_embedding_that_cannot_be_kept_is_left_out_with_a_word() -> None:
    assert vector_of(b"") == (None, "")
    assert vector_of(b"\0\0\0")[0] is None
    assert "not finite" in vector_of(b"\0\0\x80\x7f")[1]
    assert "too long" in vector_of(b"\0" * 4 * 16_001)[1]
    assert vector_of(b"\0\0\0\x3f") == (b"\0\0\0\x3f", "")
    assert dimensions(b"\0\0\0\x3f" * 3) == 3


def test_times_are_kept_to_the_microsecond() -> None:
    assert instant(1_795_370_000_123_456_789) == datetime(2026, 11, 22, 17, 53, 20, 123456, UTC)
    assert instant(0) is None
    assert instant(2**64 - 1) is not None


def test_what_is_left_of_an_erased_opening_is_that_it_was() -> None:
    fact = e.ErasedFact(sequence=1, event="SessionOpened", event_id="x", time_ns=10**9)
    [left] = skeleton_changes(Erasure("s-1", 9, None, (fact,)))
    assert left == Opening("s-1", None, None, datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC), None, 1)
