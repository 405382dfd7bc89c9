"""What playback takes in is on the tape in a few bytes, and nothing that is decided on is lost by that."""

import msgpack
from hypothesis import given
from hypothesis import strategies as st

from bridge.call.taped import (
    MORE,
    FramePacking,
    ReportPacking,
    as_decided,
    pack_attached,
    unpack_attached,
)
from bridge.playback.reports import HeldReply, Played
from contracts.audio import OutFrame
from infra.tape.tape import Plain
from tests.bridge.agent import frames_of

IDS = st.sampled_from(["a", "b", "5f3c9a0b2e7d4c1f8a6b3d5e"])
TIMES_MS = st.none() | st.floats(-(2**53), 2**53, allow_nan=False)
FRAMES = st.builds(
    OutFrame,
    reply_id=IDS,
    index=st.integers(0, 3),
    first_sample=st.integers(0, 5),
    sample_rate_hz=st.sampled_from([16_000, 24_000]),
    pcm=st.integers(0, 40_000).map(lambda samples: bytes(2 * samples)),
    last=st.booleans(),
    word_end_samples=st.lists(st.integers(0, 2**40), max_size=4).map(tuple),
)
REPORTS = st.builds(
    Played,
    type=st.just("played"),
    reply_id=IDS,
    samples=st.integers(0, 2**53),
    started=st.booleans(),
    ended=st.booleans(),
    stalled=st.booleans(),
    resumed=st.booleans(),
    at_ms=TIMES_MS,
    clock_ms=TIMES_MS,
)


def on_tape(payload: Plain) -> Plain:
    """Return a payload as it comes back from a tape."""
    return msgpack.unpackb(msgpack.packb(payload))


@given(st.lists(FRAMES, max_size=12))
def test_frames_come_back_but_for_their_sound(frames: list[OutFrame]) -> None:
    packing, unpacking = FramePacking(), FramePacking()
    assert [unpacking.unpack(on_tape(packing.pack(frame)[1])) for frame in frames] == frames


def test_a_frame_that_follows_another_is_one_number_and_the_last_one_brings_the_words() -> None:
    packing = FramePacking()
    clauses = [*frames_of("a", 0, 48_000, (24_000, 48_000)), *frames_of("a", 1, 24_000, (24_000,))]
    packed = [packing.pack(frame) for frame in clauses]
    following = [payload for kind, payload in packed if kind == MORE]
    assert len(following) > len(clauses) / 2
    assert all(type(payload) is int for payload in following)
    assert sum("a" in payload for kind, payload in packed if kind != MORE) == 1, "the reply is named once"


@given(st.lists(st.tuples(REPORTS, st.booleans(), st.integers(0, 2**62)), max_size=12))
def test_counts_come_back_as_they_were_decided_on(reports: list[tuple[Played, bool, int]]) -> None:
    packing, unpacking = ReportPacking(), ReportPacking()
    decided = [(as_decided(report, has_clock), came_ns) for report, has_clock, came_ns in reports]
    packed = [(on_tape(packing.pack(*each)), each[1]) for each in decided]
    assert [unpacking.unpack(*each) for each in packed] == [report for report, _ in decided]


def test_a_count_keeps_its_time_to_the_tenth_of_a_millisecond_if_it_has_both_times() -> None:
    report = Played(type="played", reply_id="a", samples=1, at_ms=1_000.123456, clock_ms=1_010.7)
    assert as_decided(report, has_clock=True).at_ms == 1_000.1
    assert as_decided(report, has_clock=False).at_ms is None
    assert as_decided(report.model_copy(update={"clock_ms": None}), has_clock=True).at_ms is None


def test_counts_that_come_regularly_take_a_few_bytes() -> None:
    packing = ReportPacking()
    regular = [
        Played(type="played", reply_id="a", samples=2_400 * n, at_ms=100.0 * n, clock_ms=100.0 * n + 4.2)
        for n in range(20)
    ]
    packed = [packing.pack(as_decided(each, True), 10**18 + n * 100_000_000) for n, each in enumerate(regular)]
    assert packed[2:] == [[2_400, 0, 42]] * 18


HELD = st.builds(
    HeldReply,
    reply_id=IDS,
    received=st.integers(0, 2**53),
    samples=st.integers(0, 2**53),
    started_ago_ms=st.none() | st.floats(0, 86_400_000),
    ended=st.booleans(),
)


OFFSETS_NS = st.none() | st.integers(-(2**62), 2**62)


@given(st.booleans(), st.tuples(OFFSETS_NS, OFFSETS_NS, st.integers(0, 2**62)), st.none() | st.lists(HELD, max_size=3))
def test_a_client_that_comes_is_on_the_tape_with_its_clock_and_what_it_has(
    counts: bool, clock: tuple[int | None, int | None, int], held: list[HeldReply] | None
) -> None:
    assert unpack_attached(on_tape(pack_attached(counts, clock, held))) == (counts, clock, held)
