"""Which partition of the log a session is in, and what the streams of the partitions are."""

import pytest

from contracts.events import TurnEnded
from contracts.topology import (
    FACTS,
    STREAMS,
    VOICE,
    event_subject,
    kept_streams,
    log_stream,
    log_streams,
    mapping,
    partition_of,
    session_subjects,
    streams,
)


@pytest.mark.parametrize(("session_id", "partition"), [("s1", 1), ("s2", 0), ("s3", 3), ("abc", 3)])
def test_a_session_is_in_the_partition_that_nats_computes(session_id: str, partition: int) -> None:
    """As nats-server 2.15.1 mapped them with `partition(4,1)`; the tests of the log compare with a running one."""
    assert partition_of(session_id, 4) == partition


def test_sessions_spread_evenly() -> None:
    counts = [0] * 8
    for number in range(8000):
        counts[partition_of(f"session-{number}", 8)] += 1
    assert 850 < min(counts) <= max(counts) < 1150


def test_one_partition_is_the_log_as_it_was_without_any_mapping() -> None:
    assert log_streams(1) == (VOICE,)
    assert streams(1) == STREAMS
    assert mapping(1) == ("", "")
    assert log_stream(session_subjects("s1"), 1) == VOICE


def test_all_facts_of_a_session_are_in_one_stream() -> None:
    assert log_streams(4) == ("VOICE_0", "VOICE_1", "VOICE_2", "VOICE_3")
    assert log_stream(session_subjects("s3", "turn"), 4) == log_stream(event_subject("s3", TurnEnded), 4) == "VOICE_3"


def test_a_partition_stores_facts_under_the_subjects_on_which_they_were_published() -> None:
    source, destination = mapping(4)
    assert source == FACTS.pattern
    assert destination == "fact.{{partition(4,1)}}.$1.$2.$3"
    row = next(row for row in streams(4) if row.name == "VOICE_2")
    assert row.subjects == ("fact.2.*.*.*",)
    assert row.transform == ("fact.2.*.*.*", "voice.$1.$2.$3")
    assert row.republish == STREAMS[0].republish
    assert row.discard == "new"


def test_a_backup_has_every_partition_and_what_one_log_has() -> None:
    assert kept_streams(1) == ("VOICE", "RECORDINGS", "JOURNAL", "DEAD")
    assert kept_streams(2) == ("VOICE_0", "VOICE_1", "RECORDINGS", "JOURNAL", "DEAD")
