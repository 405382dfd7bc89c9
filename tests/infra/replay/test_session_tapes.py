"""Chunks as they are stored make stretches that can be run again, and name what is lost."""

from contracts.journal import JournalChunk, encode_chunk
from contracts.topology import journal_subject
from infra.log.stream_reader import StoredMessage
from infra.replay.session_tapes import SessionTapes, read_tapes
from infra.tape.deliveries import HANDLED, Delivery

S = 1_000_000_000
COPY = "reasoning-1"


def chunk(n: int, at_s: float, idle: bool = True, instance: str = COPY, basis: int | None = None) -> JournalChunk:
    deliveries = (Delivery(round(at_s * S), HANDLED, 10 + n),)
    basis = 10 + n if basis is None else basis
    return JournalChunk("s-1", "reasoning", instance, "1.0", n, basis, idle, deliveries)


def tapes(*chunks: JournalChunk) -> SessionTapes:
    messages = [
        StoredMessage(place, journal_subject(each.session_id, each.actor), encode_chunk(each))
        for place, each in enumerate(chunks, 1)
    ]
    return read_tapes(messages)


def sequences(found: SessionTapes) -> list[list[int]]:
    return [[delivery.payload for delivery in stretch.deliveries] for stretch in found.stretches]


def test_chunks_without_a_gap_are_one_stretch() -> None:
    found = tapes(chunk(0, 1), chunk(1, 3, idle=False), chunk(2, 5))
    assert sequences(found) == [[10, 11, 12]]
    assert not found.stretches[0].is_cut
    assert found.lost == ()


def test_each_copy_has_a_stretch_of_its_own() -> None:
    found = tapes(chunk(0, 1), chunk(0, 2, instance="reasoning-2"), chunk(1, 3))
    assert [stretch.instance for stretch in found.stretches] == [COPY, "reasoning-2"]
    assert sequences(found) == [[10, 11], [10]]


def test_where_a_chunk_is_missing_the_stretch_is_cut_and_the_next_begins_when_all_rests() -> None:
    found = tapes(chunk(0, 1), chunk(2, 5, idle=False), chunk(3, 7), chunk(4, 9))
    assert sequences(found) == [[10], [14]]
    before, after = found.stretches
    assert (before.is_cut, before.last) == (True, 10)
    assert (after.is_cut, after.basis) == (False, 13)
    [lost] = found.lost
    assert (lost.from_ns, lost.to_ns, lost.basis) == (1 * S, 7 * S, 10)
    assert "missing" in lost.reason


def test_a_first_chunk_that_is_missing_loses_the_beginning() -> None:
    found = tapes(chunk(1, 3), chunk(2, 5))
    assert sequences(found) == [[12]]
    [lost] = found.lost
    assert (lost.from_ns, lost.to_ns) == (0, 3 * S)


def test_a_copy_that_was_killed_loses_what_comes_after_its_last_chunk_until_another_takes_over() -> None:
    found = tapes(chunk(0, 1), chunk(1, 3, idle=False), chunk(0, 6, instance="reasoning-2"))
    assert sequences(found) == [[10, 11], [10]]
    assert [stretch.is_cut for stretch in found.stretches] == [True, False]
    [lost] = found.lost
    assert (lost.instance, lost.from_ns, lost.to_ns) == (COPY, 3 * S, 6 * S)
    assert "midst of its work" in lost.reason


def test_if_nobody_takes_over_it_is_lost_to_the_end() -> None:
    [lost] = tapes(chunk(0, 1, idle=False)).lost
    assert lost.to_ns is None


def test_a_tape_that_never_rests_after_a_gap_is_lost_to_the_end() -> None:
    found = tapes(chunk(0, 1), chunk(2, 5, idle=False))
    assert sequences(found) == [[10]]
    [lost] = found.lost
    assert (lost.from_ns, lost.to_ns) == (1 * S, None)
    assert "never at rest" in lost.reason


def test_a_chunk_of_a_newer_format_is_said_and_leaves_a_gap() -> None:
    good = chunk(0, 1)
    newer = StoredMessage(2, journal_subject("s-1", "reasoning"), b"\x63" + encode_chunk(chunk(1, 3))[1:])
    messages = [StoredMessage(1, newer.subject, encode_chunk(good)), newer]
    last = StoredMessage(3, newer.subject, encode_chunk(chunk(2, 5)))
    found = read_tapes([*messages, last])
    [reason] = found.unread
    assert "version 99 is newer" in reason
    assert sequences(found) == [[10]]
    assert len(found.lost) == 1
