"""Events to bytes and back, whatever is in them, and what happens to bytes that are no events."""

from collections.abc import Iterator
from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts import codec
from contracts.codec import MAX_EVENT_BYTES, UPCASTERS, NewerVersion, Undecodable, decode, encode
from contracts.events import Event, TurnEnded
from contracts.topology import EVENTS, subject_of
from tests.contracts.samples import EVENT_CLASSES, fields_of, sample
from tests.contracts.strategies import events_of

SUBJECT = "voice.session-1.turn.ended"


def packed(**changes: Any) -> bytes:
    fields = fields_of(TurnEnded, every=True) | changes
    return bytes(msgpack.packb(fields))


@pytest.mark.parametrize("event_class", EVENT_CLASSES)
@settings(max_examples=20)
@given(data=st.data())
def test_any_event_comes_back_from_its_bytes(event_class: type[Event], data: st.DataObject) -> None:
    event = data.draw(events_of(event_class))
    again = decode(subject_of(event), encode(event))
    assert again == event
    assert encode(again) == encode(event)


@settings(max_examples=50)
@given(junk=st.binary(max_size=300), row=st.sampled_from(EVENTS))
def test_no_bytes_make_the_decoder_fail_otherwise_than_by_saying_so(junk: bytes, row: Any) -> None:
    with pytest.raises(Undecodable, match=row.event.__name__):
        decode(f"voice.s-1.{row.tail}", junk)


@settings(max_examples=50)
@given(cut=st.integers(min_value=0, max_value=len(packed()) - 1))
def test_a_truncated_event_is_undecodable(cut: int) -> None:
    with pytest.raises(Undecodable, match="TurnEnded"):
        decode(SUBJECT, packed()[:cut])


@pytest.mark.parametrize("event_class", EVENT_CLASSES)
def test_fields_that_a_newer_version_added_are_left_aside(event_class: type[Event]) -> None:
    event = sample(event_class)
    fields = msgpack.unpackb(encode(event)) | {"mood": "sunny", "tomorrow": {"deep": [1, 2]}}
    assert decode(subject_of(event), msgpack.packb(fields)) == event


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "TurnEnded: not MessagePack"),
        (b"\xc1rubbish", "TurnEnded: not MessagePack"),
        (packed() + b"\x00", "TurnEnded: not MessagePack (ExtraData"),
        (bytes(msgpack.packb([1, 2, 3])), "TurnEnded: a map was expected, not list"),
        (bytes(msgpack.packb({})), "TurnEnded: event_id: Field required"),
        (packed(text=7), "TurnEnded: text: Input should be a valid string"),
        (packed(time_ns=-1), "TurnEnded: time_ns: Input should be greater than or equal to 0"),
        (packed(session_id="a.b"), "TurnEnded: session_id: String should match pattern"),
        (packed(session_id="another"), "TurnEnded: session 'another' came on 'voice.session-1.turn.ended'"),
        (packed(source="telepathy"), "TurnEnded: source: Input should be 'speech' or 'text'"),
        (packed(evidence={"silence_ms": 1}), "TurnEnded: evidence.required_silence_ms: Field required"),
        (packed(event_id=""), "TurnEnded: event_id: String should have at least 1 character"),
    ],
)
def test_what_is_wrong_with_an_event_is_said_in_plain_words(data: bytes, reason: str) -> None:
    with pytest.raises(Undecodable) as error:
        decode(SUBJECT, data)
    assert str(error.value).startswith(reason)


@pytest.mark.parametrize(
    "subject",
    [
        "voice.s-1.turn.begun",
        "voice.s-1.turn",
        "voice.s-1.turn.ended.twice",
        "audio.s-1.turn.ended",
        "voice.S_1.turn.ended",
        "voice.*.turn.ended",
        "voice",
        "",
    ],
)
def test_a_subject_of_no_event_is_undecodable(subject: str) -> None:
    with pytest.raises(Undecodable, match="no event is known"):
        decode(subject, packed())


def test_lone_surrogates_are_refused_before_they_are_stored() -> None:
    with pytest.raises(ValueError, match="surrogates"):
        encode(sample(TurnEnded).model_copy(update={"text": "\ud800"}))


def test_an_event_too_large_for_the_log_is_refused_before_it_is_sent() -> None:
    with pytest.raises(ValueError, match="over the limit"):
        encode(sample(TurnEnded).model_copy(update={"text": "a" * (MAX_EVENT_BYTES + 1)}))


def test_absent_fields_take_no_bytes() -> None:
    assert "evidence" not in msgpack.unpackb(encode(sample(TurnEnded, every=False)))


@pytest.mark.parametrize("shape", ["with a field more", "of another shape"])
def test_an_event_of_a_newer_version_is_reported_as_that_whatever_it_holds(shape: str) -> None:
    changes: dict[str, Any] = {"schema_version": TurnEnded.SCHEMA_VERSION + 1, "mood": "sunny"}
    data = packed(**changes, text=["other"] if shape == "of another shape" else "hello")
    with pytest.raises(
        NewerVersion, match="TurnEnded: schema version 3, this program knows 2: install the newer"
    ) as it:
        decode(SUBJECT, data)
    assert (it.value.event_class, it.value.version) == (TurnEnded, 3)


def test_whoever_decides_nothing_may_read_what_it_knows_of_a_newer_version() -> None:
    event = decode(SUBJECT, packed(schema_version=3, mood="sunny"), allow_newer=True)
    assert isinstance(event, TurnEnded)
    assert event.text == decode(SUBJECT, packed()).text  # type: ignore[attr-defined]  # the same class


@pytest.fixture
def two_upcasters(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(TurnEnded, "SCHEMA_VERSION", 3)

    def rename(fields: codec.Fields) -> codec.Fields:
        return {**fields, "text": fields["words"]}

    def shout(fields: codec.Fields) -> codec.Fields:
        return {**fields, "text": fields["text"].upper(), "schema_version": 3}

    UPCASTERS["TurnEnded", 1], UPCASTERS["TurnEnded", 2] = rename, shout
    yield
    del UPCASTERS["TurnEnded", 1], UPCASTERS["TurnEnded", 2]


@pytest.mark.usefixtures("two_upcasters")
def test_an_old_event_goes_through_every_upcaster_after_its_version() -> None:
    fields = fields_of(TurnEnded, every=True)
    del fields["text"]
    first = decode(SUBJECT, msgpack.packb(fields | {"words": "hello", "schema_version": 1}))
    second = decode(SUBJECT, msgpack.packb(fields | {"text": "hello", "schema_version": 2}))
    third = decode(SUBJECT, msgpack.packb(fields | {"text": "hello", "schema_version": 3}))
    assert isinstance(first, TurnEnded)
    assert isinstance(third, TurnEnded)
    assert (first.text, first.schema_version, second, third.text) == ("HELLO", 3, first, "hello")


@pytest.mark.usefixtures("two_upcasters")
def test_an_upcaster_that_cannot_work_makes_the_event_undecodable() -> None:
    with pytest.raises(Undecodable, match="TurnEnded"):
        decode(SUBJECT, msgpack.packb({"schema_version": 1}))
