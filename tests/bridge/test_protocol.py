"""Messages from clients, whatever they hold."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.limits import Bucket
from bridge.protocol import Hello, Played, Rubbish, checked_sound, checked_text, clean_text, parse, parse_hello

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=4,
)


def rubbish_in(text: str) -> Rubbish | None:
    try:
        parse(text)
    except Rubbish as error:
        return error
    return None


@settings(max_examples=60)
@given(st.text() | JSON.map(json.dumps))
def test_anything_is_a_message_or_rubbish(text: str) -> None:
    error = rubbish_in(text)
    assert error is None or (error.code and str(error))


NAMES = st.sampled_from(["session_id", "user_id", "name", "sample_rate_hz", "mic", "text", "reply_id", "samples", "x"])


@settings(max_examples=60)
@given(st.sampled_from(["hello", "text", "played", "hangup"]), st.dictionaries(NAMES, JSON, max_size=4))
def test_wrong_fields_are_rubbish_and_nothing_worse(kind: str, fields: dict[str, object]) -> None:
    error = rubbish_in(json.dumps(fields | {"type": kind}))
    assert error is None or error.code == "bad-field"


def test_messages_are_what_they_say() -> None:
    assert parse_hello('{"type":"hello","mic":false,"more":1}') == Hello(type="hello", mic=False)
    report = parse('{"type":"played","reply_id":"r","samples":5,"ended":true}')
    assert report == Played(type="played", reply_id="r", samples=5, ended=True)


@given(st.text(alphabet=st.characters()))
def test_cleaned_text_can_be_stored(text: str) -> None:
    cleaned = clean_text(text)
    cleaned.encode()
    assert all(char in "\n\t" or ord(char) >= 32 for char in cleaned)
    assert clean_text(cleaned) == cleaned


def test_a_time_zone_is_checked() -> None:
    assert parse_hello('{"type": "hello", "time_zone": "Asia/Tokyo"}').time_zone == "Asia/Tokyo"
    with pytest.raises(Rubbish, match=r"hello: time_zone: no time zone is called 'Tokio'"):
        parse_hello('{"type": "hello", "time_zone": "Tokio"}')


def test_limits_of_text_and_sound_are_told() -> None:
    assert checked_text("é" * 5, 10) == "é" * 5
    with pytest.raises(Rubbish, match="at most 10"):
        checked_text("é" * 6, 10)
    with pytest.raises(Rubbish, match="odd"):
        checked_sound(b"123")


def test_a_bucket_allows_bursts_and_an_average() -> None:
    bucket = Bucket(per_s=2, burst=4)
    assert [bucket.take(1, 10.0) for _ in range(5)] == [True] * 4 + [False]
    assert bucket.take(2, 11.0)
    assert not bucket.take(1, 11.0)
    assert not bucket.take(5, 100.0)
