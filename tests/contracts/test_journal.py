"""Chunks of a tape to bytes and back."""

import hashlib
import zlib
from dataclasses import replace

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.journal import (
    COMMON_KINDS,
    DICTIONARIES,
    MAX_KINDS,
    MAX_PAYLOAD_BYTES,
    BadChunk,
    ChunkWriter,
    Delivery,
    JournalChunk,
    decode_chunk,
    encode_chunk,
)
from contracts.journal_columns import column_of, values_of
from contracts.topology import journal_subject
from tests.contracts.strategies import COUNTS, IDS, TEXT

NUMBERS = st.integers(min_value=-(2**63), max_value=2**63 - 1)
PLAIN = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.floats(allow_nan=False) | TEXT | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
KINDS = st.sampled_from(["handled", "appended", "asked", "part", "end", "tick"])
DELIVERIES = st.builds(
    Delivery, st.integers(min_value=-(2**50), max_value=2**62).map(lambda ns: ns // 1000 * 1000), KINDS, NUMBERS | PLAIN
)

CHUNKS = st.builds(
    JournalChunk,
    session_id=IDS,
    actor=st.sampled_from(["reasoning", "livekit-room"]),
    instance=TEXT,
    build=TEXT,
    n=COUNTS,
    basis=COUNTS,
    idle=st.booleans(),
    deliveries=st.lists(DELIVERIES, max_size=20).map(tuple),
)
CHUNK = JournalChunk("s-1", "reasoning", "reasoning-3f9c", "0.1.0", 0, 0, True, (Delivery(0, "tick", None),))
SUBJECT = journal_subject("s-1", "reasoning")


@given(CHUNKS)
def test_any_chunk_comes_back_from_its_bytes(chunk: JournalChunk) -> None:
    assert decode_chunk(journal_subject(chunk.session_id, chunk.actor), encode_chunk(chunk)) == chunk


@given(st.binary(max_size=200) | st.tuples(st.sampled_from([b"\x01", b"\x02"]), st.binary(max_size=200)).map(b"".join))
def test_no_bytes_make_the_decoder_fail_otherwise_than_by_saying_so(junk: bytes) -> None:
    with pytest.raises(BadChunk):
        decode_chunk(SUBJECT, junk)


@given(st.lists(PLAIN, min_size=9, max_size=9) | PLAIN)
def test_nor_does_any_array_that_is_no_chunk(fields: object) -> None:
    with pytest.raises(BadChunk):
        decode_chunk(SUBJECT, _deflated(fields))


@pytest.mark.parametrize("cut", range(1, 30))
def test_a_chunk_that_breaks_off_is_refused(cut: int) -> None:
    with pytest.raises(BadChunk):
        decode_chunk(SUBJECT, encode_chunk(CHUNK)[:-cut])


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (2, -1),
        (4, 1),
        (5, ["tick", "tock"]),
        (5, [-1]),
        (5, [1000]),
        (5, [None]),
        (6, b"\x00\x00"),
        (6, b"\x01"),
        (7, b"\x80"),
        (8, [[]]),
        (8, ["none"]),
        (5, [["sound", "39a9ca23"]]),
        (5, [["sound"]]),
        (8, [{0: []}]),
        (8, [{0: [[None], []]}]),
        (8, [{0: [[None]], 1: [[], []]}]),
        (8, [{1: [["a", "b"], [[None]]]}]),
        (8, [{1: [[1], [[None]]]}]),
        (8, [{2: [2, b"abc"]}]),
        (8, [{2: [0, b""]}]),
        (8, [{3: [-1, b"a"]}]),
        (8, [{4: [1, b"a"]}]),
        (8, [{0: [{0: [{0: [{0: [{0: [[None]]}]}]}]}]}]),
    ],
)
def test_columns_that_do_not_fit_together_are_refused(place: int, value: object) -> None:
    fields: list[object] = ["reasoning-3f9c", "0.1.0", 0, 0, True, ["tick"], b"\x00", b"\x00", [[None]]]
    assert decode_chunk(SUBJECT, _deflated(fields)) == CHUNK
    fields[place] = value
    with pytest.raises(BadChunk):
        decode_chunk(SUBJECT, _deflated(fields))


def test_a_chunk_of_a_newer_version_says_so() -> None:
    with pytest.raises(BadChunk, match="version 5 is newer"):
        decode_chunk(SUBJECT, b"\x05" + encode_chunk(CHUNK)[1:])


@pytest.mark.parametrize("subject", ["journal.s-1", "journal.a.b.c", "journal..reasoning", ""])
def test_the_subject_names_the_session_and_the_actor(subject: str) -> None:
    with pytest.raises(BadChunk, match="not a subject of a tape"):
        decode_chunk(subject, encode_chunk(CHUNK))


def test_a_few_bytes_do_not_inflate_to_gigabytes() -> None:
    bomb = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    with pytest.raises(BadChunk, match="too long"):
        decode_chunk(SUBJECT, b"\x01" + bomb.compress(bytes(100_000_000)) + bomb.flush())


@pytest.mark.parametrize("payload", [object(), 2**63, 2**64, "\ud800", b"x" * (MAX_PAYLOAD_BYTES + 1)])
def test_a_payload_that_is_not_plain_or_too_long_is_refused_and_leaves_no_trace(payload: object) -> None:
    writer = ChunkWriter()
    writer.add(0, "tick", None)
    with pytest.raises(ValueError, match="payload"):
        writer.add(5, "tick", payload)
    assert writer.deliveries == 1
    assert writer.bytes("reasoning-3f9c", "0.1.0", 0, 0, True) == encode_chunk(CHUNK)


def test_common_kinds_keep_their_places() -> None:
    places = {kind: place for place, kind in enumerate(COMMON_KINDS)}
    assert (places["handled"], places["appended"], places["asked"], places["frame"]) == (0, 5, 8, 16)


@pytest.mark.parametrize(
    "stored",
    [
        "019bb9ae2835b1383f2f332f5dd738cd3279a9819ea19e0103c3e189bc4718198068e2c40300",
        "0243ce61c66996b09371180e4fe40515e1c04ee2c40300",
        "0343ce61c66996b09371180e4fe40515e1c04ee2c40300",
        "0443ce61c66996b09371180e4fe40515e1c04ee2c40300",
    ],
    ids=["version 1", "version 2", "version 3", "version 4"],
)
def test_a_chunk_that_was_stored_stays_readable(stored: str) -> None:
    chunk = decode_chunk(SUBJECT, bytes.fromhex(stored))
    assert (chunk, chunk.version) == (CHUNK, int(stored[:2]))


SHAPED = st.one_of(
    st.lists(st.tuples(COUNTS, st.binary(min_size=3, max_size=3), st.booleans()).map(list), max_size=9),
    st.lists(st.fixed_dictionaries({"a": COUNTS, "text": st.none() | TEXT}), max_size=9),
    st.lists(st.text("0123456789abcdef", min_size=24, max_size=24), max_size=9),
    st.lists(st.sampled_from([True, 1, 1.0, "1", b"1", None, [], {}, [1], [True], {"a": 1}, {1: "a"}]), max_size=9),
)


@given(SHAPED)
def test_values_of_the_same_shape_come_back_with_their_types(values: list[object]) -> None:
    column = msgpack.unpackb(msgpack.packb(column_of(values)), strict_map_key=False)
    assert repr(values_of(column, len(values))) == repr(values)


def test_what_an_engine_was_asked_and_pieces_of_its_answer_take_little_more_than_half() -> None:
    asked = [[n, "sound", "6af16872196e721b3f6c4a89", {"text": bytes([n] * 6), "voice": b"abcdef"}] for n in range(20)]
    assert len(msgpack.packb(column_of(asked))) < 0.6 * len(msgpack.packb(asked))


def test_kinds_are_bounded() -> None:
    deliveries = [Delivery(0, f"kind-{number}", number) for number in range(MAX_KINDS)]
    chunk = replace(CHUNK, deliveries=tuple(deliveries))
    assert decode_chunk(SUBJECT, encode_chunk(chunk)) == chunk
    with pytest.raises(ValueError, match="at most 256 kinds"):
        encode_chunk(replace(CHUNK, deliveries=(*deliveries, Delivery(0, "one more"))))


def test_a_token_a_delivery_takes_a_few_bytes() -> None:
    deliveries = tuple(Delivery(17_000_000 * place, "part", [3, f" word{place % 7}"]) for place in range(100))
    assert len(encode_chunk(replace(CHUNK, deliveries=deliveries))) < 5 * len(deliveries)


def _deflated(fields: object) -> bytes:
    deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return b"\x02" + deflate.compress(bytes(msgpack.packb(fields))) + deflate.flush()


@pytest.mark.parametrize(
    ("version", "digest"),
    [(1, "c4dd9043b644e2a7"), (2, "932a07716c9eea26"), (3, "932a07716c9eea26"), (4, "932a07716c9eea26")],
)
def test_the_dictionary_of_a_version_is_the_one_that_its_chunks_were_written_with(version: int, digest: str) -> None:
    assert hashlib.blake2b(DICTIONARIES[version], digest_size=8).hexdigest() == digest
