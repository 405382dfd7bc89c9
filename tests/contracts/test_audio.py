"""Sound frames to bytes and back."""

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.audio import MAX_FRAME_BYTES, BadAudio, InFrame, OutFrame, unpack_in, unpack_out
from tests.contracts.strategies import IN_FRAMES, OUT_FRAMES


@settings(max_examples=50)
@given(IN_FRAMES)
def test_any_inbound_frame_comes_back_from_its_bytes(frame: InFrame) -> None:
    assert unpack_in(frame.pack()) == frame


@settings(max_examples=50)
@given(OUT_FRAMES)
def test_any_outbound_frame_comes_back_from_its_bytes(frame: OutFrame) -> None:
    assert unpack_out(frame.pack()) == frame


@settings(max_examples=50)
@given(st.binary(max_size=200))
def test_no_bytes_make_the_frame_decoders_fail_otherwise_than_by_saying_so(junk: bytes) -> None:
    for unpack in (unpack_in, unpack_out):
        with pytest.raises(BadAudio):
            unpack(junk)


@pytest.mark.parametrize(
    "fields",
    [
        ("t", 0, 0),
        ("t", 0, 0, b"", 1),
        ("t", -1, 0, b""),
        ("t", 0, 0, b"odd"),
        ("t", True, 0, b""),
        ("t", 0, 0, "text"),
        (7, 0, 0, b""),
        ("t" * 257, 0, 0, b""),
        ("t", 0, 0, bytes(MAX_FRAME_BYTES + 2)),
        {"track_id": "t"},
        None,
    ],
)
def test_a_wrong_inbound_frame_is_refused(fields: object) -> None:
    with pytest.raises(BadAudio):
        unpack_in(msgpack.packb(fields))


@pytest.mark.parametrize(
    "fields",
    [
        ("r", 0, 0, 24_000, b"", True),
        ("r", -1, 0, 24_000, b"", True, []),
        ("r", 0, -1, 24_000, b"", True, []),
        ("r", 0, 0, 0, b"", True, []),
        ("r", 0, 0, 24_000, b"odd", True, []),
        ("r", 0, 0, 24_000, b"", 1, []),
        ("r", 0, 0, 24_000, b"", True, ["ten"]),
        ("r", 0, 0, 24_000, b"", True, [-3]),
    ],
)
def test_a_wrong_outbound_frame_is_refused(fields: object) -> None:
    with pytest.raises(BadAudio):
        unpack_out(msgpack.packb(fields))


def test_a_last_frame_may_be_empty() -> None:
    frame = OutFrame("r", 0, 480, 24_000, b"", last=True, word_end_samples=(100, 480))
    assert unpack_out(frame.pack()) == frame
