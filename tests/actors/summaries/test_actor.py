"""Summaries on a real log, with models of the test's own."""

import asyncio
from typing import Any

import pytest
from faststream.nats import NatsBroker
from langchain_core.messages import AIMessage

from actors.summaries import actor
from contracts.events import EngineFailed, Event, PlaybackFinished, SessionClosed, SummaryWritten, TurnEnded
from infra.facts import say
from infra.settings import Settings
from tests.actors.running import facts_until, running

COMMON: dict[str, Any] = {"session_id": "s", "time_ns": 1}
CLOSED = SessionClosed(**COMMON, event_id="closed", reason="hangup")
TALK: list[Event] = [
    TurnEnded(**COMMON, event_id="turn", participant_id="p", text="My printer is broken, it is terrible."),
    PlaybackFinished(**COMMON, event_id="heard", reply_id="r", heard_text="I am sorry.", played_samples=1),
]


class ScriptedModel:
    """Answers, raises, or never answers."""

    def __init__(self, does: str) -> None:
        self.does = does
        self.asked: list[Any] = []

    async def ainvoke(self, messages: Any) -> AIMessage:
        self.asked.append(messages)
        if self.does == "raise":
            raise ConnectionError("no line")
        if self.does == "hang":
            await asyncio.Event().wait()
        return AIMessage(self.does)


async def _summary(
    broker: NatsBroker, monkeypatch: pytest.MonkeyPatch, facts: list[Event], *models: ScriptedModel
) -> tuple[SummaryWritten, list[EngineFailed]]:
    monkeypatch.setattr(actor, "load_models", lambda settings: [(model.does, model) for model in models])
    monkeypatch.setattr(actor, "settings", lambda: Settings(llm_timeout_s=0.2))
    for event in facts:
        await say(broker, event)
    async with running(actor.make(), "summaries", broker):
        said = await facts_until(broker, "s", lambda said: any(isinstance(fact, SummaryWritten) for fact in said))
    (summary,) = [fact for fact in said if isinstance(fact, SummaryWritten)]
    return summary, [fact for fact in said if isinstance(fact, EngineFailed)]


async def test_a_closed_session_is_summed_up_by_the_model_from_what_was_heard(
    broker: NatsBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = ScriptedModel("A  broken\nprinter.")
    summary, failures = await _summary(broker, monkeypatch, [*TALK, CLOSED], model)
    assert (summary.summary, summary.model, summary.turns) == ("A broken printer.", model.does, 1)
    assert (summary.topics, summary.sentiment) == (("printer", "broken", "terrible"), "negative")
    assert failures == []
    assert "Agent: I am sorry." in model.asked[0][0][1]


async def test_models_that_fail_or_hang_are_facts_and_the_users_sentences_stand_in(
    broker: NatsBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = [ScriptedModel("raise"), ScriptedModel("hang"), ScriptedModel("")]
    summary, failures = await _summary(broker, monkeypatch, [*TALK, CLOSED], *models)
    assert (summary.summary, summary.model) == ("My printer is broken, it is terrible.", "extract")
    assert [failure.engine for failure in failures] == ["llm:raise", "llm:hang", "llm:"]


async def test_an_empty_session_is_summed_up_without_asking_a_model(
    broker: NatsBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = ScriptedModel("never")
    summary, _ = await _summary(broker, monkeypatch, [CLOSED], model)
    assert (summary.turns, summary.summary, summary.topics, summary.sentiment) == (0, "", (), "unknown")
    assert model.asked == []


async def test_a_session_that_is_delivered_again_is_not_summed_up_again(
    broker: NatsBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = ScriptedModel("A printer.")
    await _summary(broker, monkeypatch, [*TALK, CLOSED], model)
    await actor.summarise(broker, Settings(), CLOSED)
    facts = await facts_until(broker, "s", lambda facts: True)
    assert len(model.asked) == len([fact for fact in facts if isinstance(fact, SummaryWritten)]) == 1
