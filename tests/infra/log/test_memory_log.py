"""A log in memory keeps the rules of the one in JetStream."""

import pytest

from contracts import events as e
from contracts.topology import session_subjects
from infra.log.event_log import ExpectedSequence, Fact, StaleWriter
from infra.log.memory_log import MemoryStore
from infra.log.taped_log import TapedLog
from infra.tape.untaped import Untaped
from tests.actors.reasoning.facts import SESSION, about, ended, started


def log_of(store: MemoryStore, instance: str = "a") -> TapedLog:
    return TapedLog(store, Untaped(instance))


async def test_facts_come_back_in_order_and_tell_who_appended_them() -> None:
    store = MemoryStore()
    await log_of(store).append(ended("Hello.", "t1"))
    await log_of(store).append(ended("Hello?", "t2"))
    facts = await log_of(store).facts_after(SESSION)
    assert [fact.sequence for fact in facts] == [1, 2]
    assert [fact.event.appended_by for fact in facts] == ["a", "a"]
    assert [fact.sequence for fact in await log_of(store).facts_after(SESSION, 1)] == [2]
    assert await log_of(store).facts_after("another") == []


async def test_an_event_is_stored_once_and_what_is_stored_comes_back() -> None:
    told: list[Fact] = []
    store = MemoryStore(told.append)
    first = await log_of(store).append(ended("Hello.", time_ns=1_000))
    again = await log_of(store, "b").append(ended("Hello.", time_ns=2_000))
    assert again == first
    assert told == [first]


async def test_a_writer_that_does_not_know_the_last_fact_is_refused() -> None:
    store = MemoryStore()
    replies = session_subjects(SESSION, "reply")
    await log_of(store).append(started("Hello."), ExpectedSequence(replies, 0))
    await log_of(store).append(ended("Hello?", "t2"))  # no fact about a reply
    with pytest.raises(StaleWriter):
        await log_of(store).append(about(e.ReplyCommitted), ExpectedSequence(replies, 0))
    await log_of(store).append(about(e.ReplyCommitted), ExpectedSequence(replies, 1))
    assert len(store.facts) == 3


async def test_only_the_subjects_that_are_asked_for_come_back() -> None:
    store = MemoryStore()
    for event in (ended("Hello."), started("Hello.")):
        await log_of(store).append(event)
    found = await log_of(store).facts_after(SESSION, subjects=session_subjects(SESSION, "reply"))
    assert [type(fact.event) for fact in found] == [e.ReplyStarted]
