"""Messages from clients, whatever they hold."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.playback.reports import Played
from bridge.rate_limit import FLOOD_S, Flood, SoundLimit, TokenBucket
from bridge.text_input import ProtocolError, checked_text, clean_text
from bridge.websocket.protocol import Hello, TypedText, checked_sound, parse, parse_hello

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=4,
)


def rubbish_in(text: str) -> ProtocolError | None:
    try:
        parse(text)
    except ProtocolError as error:
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


@pytest.mark.parametrize("name", ["order 1 ", " x", "x\n", "x\0", "", "\u200b", "e\u0301"])
def test_an_id_is_taken_to_the_letter(name: str) -> None:
    assert parse(json.dumps({"type": "text", "text": "hi", "id": name})) == TypedText(type="text", text="hi", id=name)


@pytest.mark.parametrize(
    ("fields", "told", "what"),
    [
        ({"id": "mine", "text": None}, "mine", "text: text: a text is wanted"),
        ({"id": "mine"}, "mine", "text: text: it is missing"),
        ({"id": "x" * 65, "text": "hi"}, "x" * 65, "text: id: at most 64 characters are taken"),
        ({"id": 5, "text": "hi"}, "", "text: id: a text is wanted"),
        ({"id": "\ud800", "text": "hi"}, "", "text: id: it has half a character in it"),
    ],
)
def test_what_is_wrong_with_a_text_is_reported_with_its_id(fields: dict[str, object], told: str, what: str) -> None:
    error = rubbish_in(json.dumps({"type": "text"} | fields))
    assert error is not None
    assert (error.code, error.message_id) == ("bad-field", told)
    assert str(error).startswith(what)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[" * 100_000, "it is nested too deeply"),
        ('{"type":' + "9" * 5_000 + "}", "a number in it has more than 4,300 digits"),
        ("{", "it is no JSON: "),
    ],
)
def test_why_a_message_is_no_json_is_said(text: str, why: str) -> None:
    error = rubbish_in(text)
    assert error is not None
    assert error.code == "bad-json"
    assert str(error).startswith(why)


def test_nobody_is_taken_for_somebody_else_by_what_is_stripped_from_a_name() -> None:
    for user_id in ("sam\0", "sam ", "sa\nm", "sa\ud800m"):
        with pytest.raises(ProtocolError, match="user_id: it has control characters"):
            parse_hello(json.dumps({"type": "hello", "user_id": user_id}))


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
    with pytest.raises(ProtocolError, match=r"hello: time_zone: no time zone is called 'Tokio'"):
        parse_hello('{"type": "hello", "time_zone": "Tokio"}')


def test_limits_of_text_and_sound_are_reported() -> None:
    assert checked_text("é" * 5, 10) == "é" * 5
    with pytest.raises(ProtocolError, match="at most 10"):
        checked_text("é" * 6, 10)
    with pytest.raises(ProtocolError, match="odd"):
        checked_sound(b"123")


def test_sound_that_goes_on_above_the_limit_is_a_flood() -> None:
    limit, now_s = SoundLimit(), 100.0
    ended = False
    while not ended:  # twelve times real time
        now_s += 0.02
        try:
            limit.take(0.24, now_s)
        except Flood:
            ended = True
    assert 60 / 8 + FLOOD_S < now_s - 100 < 60 / 8 + FLOOD_S + 1


def test_a_client_that_falls_silent_and_catches_up_again_and_again_is_no_flood() -> None:
    limit, now_s = SoundLimit(), 0.0
    for _ in range(20):
        now_s += 55
        assert all(limit.take(0.02, now_s + 0.0001 * n) for n in range(2_750))
    assert limit.left_out_s(math.inf) == 0


def test_a_bucket_allows_bursts_and_an_average() -> None:
    bucket = TokenBucket(per_s=2, burst=4)
    assert [bucket.take(1, 10.0) for _ in range(5)] == [True] * 4 + [False]
    assert bucket.take(2, 11.0)
    assert not bucket.take(1, 11.0)
    assert not bucket.take(5, 100.0)
