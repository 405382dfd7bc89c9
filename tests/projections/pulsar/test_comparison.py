"""What the comparison of a topic with the log tells."""

from dataclasses import replace

from contracts.codec import encode
from contracts.topology import subject_of
from infra.log.stream_reader import StoredMessage
from projections.pulsar.comparison import SHOWN, Comparison, Kept
from projections.pulsar.routing import TopicMessage, messages_of
from tests.projections.pulsar.facts import conversation

EXPECTED: list[TopicMessage] = [
    messages_of(StoredMessage(sequence, subject_of(fact), encode(fact)))[0]
    for sequence, fact in enumerate(conversation("s-1", turns=4), start=1)
]


def kept(expected: TopicMessage) -> Kept:
    return Kept(expected.payload, expected.key, expected.properties, expected.event_time_ms)


def comparison(erased: frozenset[str] = frozenset(), first_in_log: int = 0) -> Comparison:
    return Comparison("conversation", erased, first_in_log)


def test_the_same_is_no_difference() -> None:
    found = comparison()
    for message in EXPECTED:
        found.same(message, kept(message))
    assert found.lines() == []


def test_missing_facts_in_a_row_are_one_line() -> None:
    found = comparison()
    for message in EXPECTED[:3]:
        found.missing(message)
    found.same(EXPECTED[3], kept(EXPECTED[3]))
    found.missing(EXPECTED[4])
    assert found.lines() == [
        "conversation: 3 facts are missing: fact 1 (SessionOpened of s-1) to fact 3 (TrackPublished of s-1)",
        "conversation: fact 5 (TurnEnded of s-1) is missing",
    ]


def test_other_bytes_are_reported() -> None:
    found = comparison()
    found.same(EXPECTED[4], replace(kept(EXPECTED[4]), payload=b"forged", key="s-2"))
    assert found.lines() == ["conversation: fact 5 (TurnEnded of s-1) has another payload and key than the log's"]


def test_a_double_and_a_wrong_order_are_reported() -> None:
    found = comparison()
    found.same(EXPECTED[1], kept(EXPECTED[1]))
    found.extra(kept(EXPECTED[1]))
    found.extra(kept(EXPECTED[0]))
    assert found.lines() == ["conversation: fact 2 is there twice", "conversation: fact 1 comes after fact 2"]


def test_facts_of_an_erased_session_and_those_that_left_the_log_by_age_may_still_be_there() -> None:
    assert _extra(comparison(erased=frozenset({"s-1"}))) == []
    assert _extra(comparison(first_in_log=6)) == []
    assert len(_extra(comparison(first_in_log=5))) == 1


def _extra(found: Comparison) -> list[str]:
    found.extra(kept(EXPECTED[4]))
    return found.lines()


def test_many_differences_are_counted() -> None:
    found = comparison()
    for message in EXPECTED[: SHOWN + 7]:
        found.same(message, replace(kept(message), payload=b""))
    assert len(found.lines()) == SHOWN + 1
    assert found.lines()[-1] == "conversation: … and 7 more"
