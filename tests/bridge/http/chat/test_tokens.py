"""Tokens of a reply as they arrive: whatever is on their subject, a reader goes on."""

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nats.aio.client import Client
from nats.aio.msg import Msg

from bridge.http.chat.tokens import ReplyToken, token_of


def message(data: bytes) -> Msg:
    return Msg(Client(), subject="tokens.s-1", data=data)


@given(st.text(), st.integers(0, 2**31))
def test_a_token_is_read_as_it_was_written(text: str, number: int) -> None:
    data = msgpack.packb({"reply_id": "r-1", "n": number, "text": text})
    assert token_of(message(data)) == ReplyToken("r-1", number, text)


@pytest.mark.parametrize("data", [b"", b"\x81", b"\xc1", msgpack.packb([1]), msgpack.packb({"reply_id": "r-1"})])
def test_what_is_no_token_is_none(data: bytes) -> None:
    assert token_of(message(data)) is None
