"""Persistence runs again over its tape: the same records, with the embeddings that the facts hold."""

import asyncio
from dataclasses import replace

import pytest
from faststream.nats import NatsBroker

from actors.persistence import actor, record
from contracts import events as e
from contracts.topology import PERSISTENCE
from infra.engines.embedding import EmbeddingFailed, LocalEmbedder
from infra.log.event_log import Fact, append, facts_after
from infra.replay.persistence import REPLAYED_PERSISTENCE
from infra.replay.recorded_log import FactDifference
from infra.replay.schedule import Outcome, TapedStretch, run_stretch
from infra.settings import settings
from infra.tape.deliveries import ANSWER
from infra.tape.recorded import RequestDifference
from tests.actors.persistence.test_embedding import OPENED
from tests.actors.persistence.test_record import EXCHANGE, FINISHED
from tests.actors.running import facts_until, running
from tests.infra.replay.stretches import stretches

SECOND: list[e.Event] = [
    each.model_copy(update={"event_id": f"{each.event_id}-2", "turn_id": "t2"} | reply)
    for each in (*EXCHANGE, FINISHED)
    for reply in [{"reply_id": "r2"} if hasattr(each, "reply_id") else {}]
]


async def recorded(broker: NatsBroker) -> tuple[TapedStretch, list[Fact]]:
    """Have persistence record two exchanges of a session, and return its tape and the log."""
    async with running(actor.make(), PERSISTENCE, broker):
        for event in (OPENED, *EXCHANGE, FINISHED, *SECOND):
            await append(broker, event)
        await facts_until(broker, "s", lambda facts: sum(isinstance(each, e.TurnRecorded) for each in facts) == 2)
    facts = await facts_after(broker, "s")
    [stretch] = await stretches(broker, "s", PERSISTENCE, facts[-1].sequence)
    return stretch, facts


async def run(stretch: TapedStretch, facts: list[Fact]) -> Outcome:
    return await asyncio.to_thread(run_stretch, stretch, "s", facts, REPLAYED_PERSISTENCE)


@pytest.fixture(autouse=True)
def without_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAREDEVIL_RECORD_AUDIO", "false")
    settings.cache_clear()


async def test_records_come_out_as_they_were_embedding_and_all(broker: NatsBroker) -> None:
    stretch, facts = await recorded(broker)
    records = frozenset(fact.sequence for fact in facts if isinstance(fact.event, e.TurnRecorded))
    assert all(fact.event.embedding for fact in facts if isinstance(fact.event, e.TurnRecorded))
    assert not any(len(each.payload[1]) > 16 for each in stretch.deliveries if each.kind == ANSWER)
    for _ in range(2):
        outcome = await run(stretch, facts)
        assert (outcome.differences, outcome.errors, outcome.same) == ([], [], records)


async def test_an_embedding_that_failed_then_fails_again(broker: NatsBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(self: LocalEmbedder, texts: object) -> None:
        raise EmbeddingFailed("no weights")

    monkeypatch.setattr(LocalEmbedder, "embed", broken)
    stretch, facts = await recorded(broker)
    outcome = await run(stretch, facts)
    assert (outcome.differences, outcome.errors, len(outcome.same)) == ([], [], 4)


async def test_a_record_that_is_made_otherwise_is_reported(broker: NatsBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    stretch, facts = await recorded(broker)
    monkeypatch.setattr(record, "_written", lambda reply: "something else")
    outcome = await run(stretch, facts)
    found = [each.what for each in outcome.differences]
    assert [
        (each.change, [field.path for field in each.fields]) for each in found if isinstance(each, FactDifference)
    ] == [("differs", ["written_text"])] * 2


async def test_another_text_for_the_embedding_is_reported(broker: NatsBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    stretch, facts = await recorded(broker)
    monkeypatch.setattr("actors.persistence.embedding.exchange_text", lambda said, heard: said)
    outcome = await run(stretch, facts)
    found = [each.what for each in outcome.differences]
    assert [(each.change, each.parts) for each in found if isinstance(each, RequestDifference)] == [
        ("asked otherwise", ("text",))
    ] * 2


async def test_a_tape_without_the_last_delivery_accounts_for_what_came_before(broker: NatsBroker) -> None:
    stretch, facts = await recorded(broker)
    cut = replace(stretch, deliveries=stretch.deliveries[:-1], is_cut=True, last=facts[-1].sequence)
    outcome = await run(cut, facts)
    assert outcome.differences == []
    assert len(outcome.same) >= 1
