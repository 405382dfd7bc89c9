"""Bodies of requests: what is written can be read, and what cannot be used is refused."""

import contextlib
import re

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.requests import (
    REASON,
    BadRequest,
    SayRequest,
    TransferRequest,
    end_request,
    reason_of_end,
    say_request,
    transfer_request,
    who_hangs_up,
)


@given(st.from_regex(REASON, fullmatch=True))
def test_a_request_to_end_a_session_carries_its_reason(reason: str) -> None:
    assert reason_of_end(end_request(reason)) == reason


@pytest.mark.parametrize("body", [b"", end_request(), msgpack.packb({}), msgpack.packb({"reason": ""})])
def test_without_a_reason_it_is_a_hangup(body: bytes) -> None:
    assert reason_of_end(body) == "hangup"


@pytest.mark.parametrize("reason", ["Moderation", "two words", "-", "a-", "x" * 41, "é", 7])
def test_a_reason_that_is_no_short_word_is_refused(reason: object) -> None:
    with pytest.raises(BadRequest, match="must be up to 40 lower-case letters"):
        reason_of_end(msgpack.packb({"reason": reason}))
    if isinstance(reason, str):
        with pytest.raises(BadRequest):
            end_request(reason)


@given(st.binary(min_size=1))
def test_other_bytes_are_refused_or_a_reason(body: bytes) -> None:
    with contextlib.suppress(BadRequest):
        assert re.fullmatch(REASON, reason_of_end(body))


@given(
    st.builds(
        SayRequest,
        st.text().map(lambda text: f"a{text}b"),
        st.text(max_size=64),
        st.text("ab1", min_size=1, max_size=64),
    )
)
def test_a_request_to_say_something_comes_back_as_it_was(wanted: SayRequest) -> None:
    assert say_request(wanted.packed()) == wanted


def test_each_request_without_an_id_is_one_of_its_own() -> None:
    body = msgpack.packb({"text": " Hello. "})
    first, second = say_request(body), say_request(body)
    assert first.text == "Hello."
    assert first.id != second.id


@pytest.mark.parametrize(
    "fields",
    [{}, {"text": "..."}, {"text": 7}, {"text": "a", "by": "x" * 65}, {"text": "a", "id": 3}, ["text"], "text"],
)
def test_what_cannot_be_said_is_refused(fields: object) -> None:
    with pytest.raises(BadRequest):
        say_request(msgpack.packb(fields))


@given(st.binary())
def test_other_bytes_are_no_request_to_say_something(body: bytes) -> None:
    with contextlib.suppress(BadRequest):
        assert say_request(body).text


@pytest.mark.parametrize("to", ["tel:+4940123456", "tel:110", "sip:desk@example.com", "sips:desk@example.com:5061"])
def test_a_request_to_transfer_a_call_comes_back_as_it_was(to: str) -> None:
    wanted = TransferRequest("p-1", to)
    assert transfer_request(wanted.packed()) == wanted


@pytest.mark.parametrize("to", ["", "+4940123456", "tel:1", "tel:+49 40", "javascript:1", "sip:a b", 7, None])
def test_what_no_phone_can_be_called_at_is_refused(to: object) -> None:
    with pytest.raises(BadRequest, match="to: an address such as `tel:"):
        transfer_request(msgpack.packb({"participant_id": "p-1", "to": to}))


def test_a_hang_up_names_a_participant_or_nobody() -> None:
    assert who_hangs_up(msgpack.packb({"participant_id": "p-1"})) == "p-1"
    assert who_hangs_up(b"") == who_hangs_up(msgpack.packb({})) == ""
    for participant_id in (7, "p" * 65):
        with pytest.raises(BadRequest, match="participant_id: a text of up to 64"):
            who_hangs_up(msgpack.packb({"participant_id": participant_id}))
