"""Which fact goes where, and as what."""

import msgpack
import pytest

from contracts import events as e
from contracts.codec import Undecodable, encode
from contracts.topology import EVENTS, subject_of
from infra.log.stream_reader import StoredMessage
from projections.known_events import FromTheFuture
from projections.pulsar.routing import (
    COMMON,
    CONVERSATION,
    LIFECYCLE,
    METRICS,
    METRICS_TOPIC,
    messages_of,
    topics_of,
)
from tests.projections.pulsar.facts import conversation

WORDS = {
    "text",
    "user_text",
    "written_text",
    "heard_text",
    "summary",
    "name",
    "identity",
    "attributes",
    "digit",
    "speaker",
    "prompt",
    "greeting",
    "error",
    "arguments",
}
WORDS |= {"result", "context", "topics", "action_items", "skeleton", "profile", "user_id", "embedding", "memories"}


def fact(event_class: type[e.Event]) -> e.Event:
    return next(event for event in conversation("s-1") if type(event) is event_class)


def test_every_fact_goes_to_the_conversation() -> None:
    assert all(CONVERSATION in topics_of(row.event) for row in EVENTS)


def test_openings_closings_and_failures_are_lifecycle() -> None:
    assert all(LIFECYCLE in topics_of(event) for event in (e.SessionOpened, e.SessionClosed, e.EngineFailed))
    assert LIFECYCLE not in topics_of(e.TurnEnded)


def test_the_tombstone_goes_to_every_topic() -> None:
    assert topics_of(e.SessionErased) == (CONVERSATION, LIFECYCLE, METRICS_TOPIC)


def test_metrics_name_only_fields_that_their_events_have_and_that_hold_no_words() -> None:
    for event_class, fields in METRICS.items():
        assert set(fields) <= set(event_class.model_fields)
        assert not WORDS & set(fields)


def test_the_conversation_has_the_logs_bytes_and_metrics_have_numbers_alone() -> None:
    recorded = fact(e.TurnRecorded)
    whole, metrics = messages_of(StoredMessage(9, subject_of(recorded), encode(recorded)))
    assert whole.payload == encode(recorded)
    kept = msgpack.unpackb(metrics.payload)
    assert set(kept) <= {*COMMON, *METRICS[e.TurnRecorded]}
    assert kept["gap_ms"] == 512.5
    assert b"hello" not in metrics.payload


def test_a_later_schema_version_is_reported_even_where_it_does_not_fit_our_class() -> None:
    ended = fact(e.TurnEnded)
    later = ended.model_copy(update={"schema_version": e.TurnEnded.SCHEMA_VERSION + 1})
    with pytest.raises(FromTheFuture, match="schema version 3"):
        messages_of(StoredMessage(1, subject_of(later), encode(later)))
    with pytest.raises(FromTheFuture, match="schema version 9"):
        messages_of(
            StoredMessage(1, subject_of(ended), msgpack.packb({"schema_version": 9, "words": ["other", "shape"]}))
        )


@pytest.mark.parametrize("data", [b"", b"\xc1", msgpack.packb([1]), msgpack.packb({"schema_version": "9"})])
def test_bytes_that_are_no_fact_are_no_message(data: bytes) -> None:
    with pytest.raises(Undecodable):
        messages_of(StoredMessage(1, "voice.s-1.turn.ended", data))


def test_an_unknown_event_is_no_message_whatever_version_it_says() -> None:
    with pytest.raises(Undecodable):
        messages_of(StoredMessage(1, "voice.s-1.what.ever", msgpack.packb({"schema_version": 9})))
