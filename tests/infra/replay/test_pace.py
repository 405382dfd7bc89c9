"""When the facts of a replay are due."""

import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from contracts import events as e
from contracts.codec import encode
from infra.log.stream_reader import StoredMessage
from infra.replay.pace import AT_ONCE, at_pace, offsets_ns
from infra.replay.recorded_session import RecordedSession, read_session

S = 1_000_000_000
BEGAN = datetime(2026, 11, 29, tzinfo=UTC)


def stored(number: int, stored_s: float, own_s: float) -> StoredMessage:
    left = e.ParticipantLeft(
        event_id=f"e{number}", session_id="s-1", time_ns=10**18 + int(own_s * S), participant_id="caller"
    )
    stamp = (BEGAN + timedelta(seconds=stored_s)).isoformat().replace("+00:00", "Z")
    return StoredMessage(number, "voice.s-1.participant.left", encode(left), {"Nats-Time-Stamp": stamp})


def session(*times: tuple[float, float]) -> RecordedSession:
    return read_session("s-1", [stored(number, *each) for number, each in enumerate(times, 1)], None)


def test_distances_are_those_of_storing_not_of_the_facts_own_times() -> None:
    assert offsets_ns(session((0, 0), (1.5, 1.4), (1.75, 1.2))) == [0, 3 * S // 2, 7 * S // 4]


def test_a_clock_that_was_set_back_or_forth_in_between_neither_reorders_nor_stretches() -> None:
    assert offsets_ns(session((0, 0), (-3600, 2), (-3599, 3))) == [0, 2 * S, 3 * S]
    assert offsets_ns(session((0, 0), (3600, 2), (3601, 3))) == [0, 2 * S, 3 * S]
    assert offsets_ns(session((0, 0), (-1, 1), (0, 2))) == [0, 0, S]


def test_a_pause_of_an_hour_is_an_hour() -> None:
    assert offsets_ns(session((0, 0), (3600, 3600))) == [0, 3600 * S]


@given(st.lists(st.tuples(st.floats(-1e5, 1e5), st.floats(0, 1e5)), min_size=1, max_size=20))
def test_the_logs_order_stays_whatever_the_clocks_said(times: list[tuple[float, float]]) -> None:
    offsets = offsets_ns(session(*times))
    assert len(offsets) == len(times)
    assert all(before <= this for before, this in pairwise([0, *offsets]))


async def test_moments_come_in_order_and_not_before_they_are_due() -> None:
    due_ns = [0, 20_000_000, 20_000_000, 60_000_000]
    began_s = time.monotonic()
    came = [(index, time.monotonic() - began_s) async for index in at_pace(due_ns, 2)]
    assert [index for index, _ in came] == [0, 1, 2, 3]
    assert all(at_s >= due / 2e9 for (_, at_s), due in zip(came, due_ns, strict=True))


async def test_at_once_waits_for_nothing() -> None:
    assert [index async for index in at_pace([0, 3_600 * S, 7_200 * S], AT_ONCE)] == [0, 1, 2]
