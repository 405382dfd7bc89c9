"""Summaries run again over their tape: the same notes and summary from the answers that models gave then."""

import asyncio
import json

import pytest
from faststream.nats import NatsBroker

from actors.summaries import rolling
from contracts import events as e
from contracts.topology import SUMMARIES
from infra.log.event_log import Fact, append, facts_after
from infra.replay.recorded_log import FactDifference
from infra.replay.schedule import Outcome, TapedStretch, run_stretch
from infra.replay.summaries import REPLAYED_SUMMARIES
from infra.session.behaviour import profile_of
from infra.settings import Settings
from infra.tape.recorded import RequestDifference
from tests.actors.running import facts_until
from tests.actors.summaries.scripted import ScriptedModel
from tests.actors.summaries.test_actor import CLOSED, COMMON, FINAL, exchange, summing_up
from tests.infra.replay.stretches import stretches

OPENED = e.SessionOpened(
    **COMMON,
    event_id="opened",
    door="websocket",
    user_id="sam",
    profile=profile_of(Settings(llm_timeout_s=0.3, summary_turns=4)),
)


async def recorded(
    broker: NatsBroker, monkeypatch: pytest.MonkeyPatch, *models: ScriptedModel, turns: int = 5
) -> tuple[TapedStretch, list[Fact]]:
    """Have the actor summarise a session, and return its tape and the log."""
    async with summing_up(broker, monkeypatch, *models):
        for event in (OPENED, *(each for n in range(turns) for each in exchange(n))):
            await append(broker, event)
        if turns > 4:
            await facts_until(broker, "s", lambda facts: any(isinstance(each, e.SummaryRevised) for each in facts))
        await append(broker, CLOSED)
        await facts_until(broker, "s", lambda facts: any(isinstance(each, e.SummaryWritten) for each in facts))
    facts = await facts_after(broker, "s")
    [stretch] = await stretches(broker, "s", SUMMARIES, facts[-1].sequence)
    return stretch, facts


async def run(stretch: TapedStretch, facts: list[Fact]) -> Outcome:
    return await asyncio.to_thread(run_stretch, stretch, "s", facts, REPLAYED_SUMMARIES)


def own(facts: list[Fact]) -> frozenset[int]:
    kinds = e.SummaryRevised | e.SummaryWritten | e.EngineFailed
    return frozenset(fact.sequence for fact in facts if isinstance(fact.event, kinds))


async def test_a_models_notes_and_summary_come_out_as_they_were(
    broker: NatsBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    stretch, facts = await recorded(broker, monkeypatch, ScriptedModel(json.dumps(FINAL), "a:model"))
    assert len(own(facts)) == 2
    monkeypatch.undo()
    for _ in range(2):
        outcome = await run(stretch, facts)
        assert (outcome.differences, outcome.errors, outcome.same) == ([], [], own(facts))


async def test_models_that_failed_or_hung_then_do_so_again(broker: NatsBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    models = [ScriptedModel("raise"), ScriptedModel("hang"), ScriptedModel("", "mute")]
    stretch, facts = await recorded(broker, monkeypatch, *models, turns=2)
    assert len(own(facts)) == 4
    outcome = await run(stretch, facts)
    assert (outcome.differences, outcome.errors, outcome.same) == ([], [], own(facts))


async def test_the_local_models_sentence_and_what_is_counted_come_out_as_they_were(
    broker: NatsBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    stretch, facts = await recorded(broker, monkeypatch, ScriptedModel("The user's number is one.", "local"), turns=2)
    outcome = await run(stretch, facts)
    assert (outcome.differences, outcome.errors, outcome.same) == ([], [], own(facts))


async def test_another_prompt_is_reported_where_the_model_is_asked(
    broker: NatsBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    stretch, facts = await recorded(broker, monkeypatch, ScriptedModel(json.dumps(FINAL), "a:model"))
    monkeypatch.setattr("actors.summaries.asking._FINAL", "Tell me a story.")
    outcome = await run(stretch, facts)
    [found] = [each.what for each in outcome.differences]
    assert isinstance(found, RequestDifference)
    assert (found.change, found.parts) == ("asked otherwise", ("messages",))


async def test_turns_that_are_left_out_are_reported(broker: NatsBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    stretch, facts = await recorded(broker, monkeypatch, ScriptedModel(json.dumps(FINAL), "a:model"))
    monkeypatch.setattr(rolling, "KEPT_WHOLE", 0)
    outcome = await run(stretch, facts)
    assert outcome.differences
    first = outcome.differences[0].what
    assert isinstance(first, RequestDifference)
    assert first.change == "asked otherwise"


async def test_another_count_is_reported_in_the_summary(broker: NatsBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    stretch, facts = await recorded(broker, monkeypatch, ScriptedModel("nonsense of another kind", "local"), turns=2)
    monkeypatch.setattr("actors.summaries.writing.sentiment", lambda lines: "positive")
    outcome = await run(stretch, facts)
    [found] = [each.what for each in outcome.differences]
    assert isinstance(found, FactDifference)
    assert [field.path for field in found.fields] == ["sentiment"]
