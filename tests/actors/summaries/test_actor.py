"""Summaries on a real log, with models of the test's own."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from faststream.nats import NatsBroker

from actors.summaries import actor, summarising
from actors.summaries.idle_model import Calls
from contracts import events as e
from contracts.topology import VOICE
from infra.log.connection import jetstream
from infra.log.event_log import append, facts_after
from infra.log.taped_log import LiveLog
from infra.log.tapes import tapes_of
from infra.session.behaviour import profile_of
from infra.settings import Settings
from tests.actors.running import facts_until, running
from tests.actors.summaries.scripted import ScriptedModel, SlowModel

COMMON: dict[str, Any] = {"session_id": "s", "time_ns": 1}
CLOSED = e.SessionClosed(**COMMON, event_id="closed", reason="hangup")
TALK: list[e.Event] = [
    e.TurnEnded(**COMMON, event_id="turn", participant_id="p", text="My printer is broken, it is terrible."),
    e.PlaybackFinished(**COMMON, event_id="heard", reply_id="r", heard_text="I am sorry.", played_samples=1),
]
FINAL = {"summary": "A broken printer.", "topics": ["repair"], "sentiment": "negative", "action_items": ["Fix it."]}


def exchange(n: int, text: str = "") -> list[e.Event]:
    """The facts of the n-th turn, as far as summaries read them."""
    ours = {**COMMON, "turn_id": f"t{n}"}
    said, heard = text or f"My number is {n}.", f"I see {n}."
    return [
        e.TurnEnded(**ours, event_id=f"turn-{n}", participant_id="p", text=said),
        e.PlaybackFinished(**ours, event_id=f"heard-{n}", reply_id=f"r{n}", heard_text=heard, played_samples=1),
        e.TurnRecorded(
            **ours, event_id=f"recorded-{n}", reply_id=f"r{n}", user_text=said, written_text=heard, heard_text=heard
        ),
    ]


@asynccontextmanager
async def summing_up(
    broker: NatsBroker, monkeypatch: pytest.MonkeyPatch, *models: ScriptedModel, copies: int = 1
) -> AsyncIterator[None]:
    """Run the actor with these models."""
    monkeypatch.setattr(summarising, "load_models", lambda settings: [(model.name, model) for model in models])
    monkeypatch.setattr(actor, "settings", lambda: Settings(llm_timeout_s=0.3, summary_turns=4))
    async with running(actor.make(), "summaries", broker):
        if copies == 1:
            yield
        else:
            async with running(actor.make(), "summaries", broker):
                yield


async def _said(broker: NatsBroker, kind: type[e.Event], count: int = 1) -> list[e.Event]:
    facts = await facts_until(broker, "s", lambda facts: sum(isinstance(fact, kind) for fact in facts) >= count)
    return [fact for fact in facts if isinstance(fact, kind)]


async def _summary(
    broker: NatsBroker, monkeypatch: pytest.MonkeyPatch, facts: list[e.Event], *models: ScriptedModel
) -> tuple[e.SummaryWritten, list[e.EngineFailed]]:
    for event in facts:
        await append(broker, event)
    async with summing_up(broker, monkeypatch, *models):
        (summary,) = await _said(broker, e.SummaryWritten)
    assert isinstance(summary, e.SummaryWritten)
    failures = [fact.event for fact in await facts_after(broker, "s") if isinstance(fact.event, e.EngineFailed)]
    return summary, [failure for failure in failures if isinstance(failure, e.EngineFailed)]


async def test_a_closed_session_is_summed_up_by_the_model_from_what_was_heard(
    broker: NatsBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = ScriptedModel(json.dumps(FINAL), "a:model")
    summary, failures = await _summary(broker, monkeypatch, [*TALK, CLOSED], model)
    assert (summary.summary, summary.model, summary.turns) == ("A broken printer.", "a:model", 1)
    assert (summary.topics, summary.sentiment, summary.action_items) == (("repair",), "negative", ("Fix it.",))
    assert failures == []
    assert "Agent: I am sorry." in model.questions[0]


async def test_the_local_model_writes_one_sentence_and_the_rest_is_told_from_the_words(
    broker: NatsBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = ScriptedModel("Summary: The user has a broken printer.", "local")
    summary, failures = await _summary(broker, monkeypatch, [*TALK, *exchange(1, "Please order ink."), CLOSED], model)
    assert (summary.summary, summary.model) == ("The user has a broken printer.", "local")
    assert (summary.topics[:2], summary.sentiment) == (("printer", "broken"), "negative")
    assert summary.action_items == ("The user asked: order ink",)
    assert failures == []


async def test_a_local_model_that_speaks_of_something_else_is_not_believed(
    broker: NatsBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = ScriptedModel("The user lives in Portugal with two dogs.", "local")
    summary, failures = await _summary(broker, monkeypatch, [*TALK, CLOSED], model)
    assert (summary.summary, summary.model) == ("My printer is broken, it is terrible.", "extract")
    assert failures == []


async def test_models_that_fail_or_hang_are_facts_and_the_users_sentences_stand_in(
    broker: NatsBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = [ScriptedModel("raise"), ScriptedModel("hang"), ScriptedModel("", "mute")]
    summary, failures = await _summary(broker, monkeypatch, [*TALK, CLOSED], *models)
    assert (summary.summary, summary.model) == ("My printer is broken, it is terrible.", "extract")
    assert [failure.engine for failure in failures] == ["llm:raise", "llm:hang", "llm:mute"]


async def test_a_slow_model_is_not_a_silent_one(broker: NatsBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    summary, failures = await _summary(broker, monkeypatch, [*TALK, CLOSED], SlowModel(json.dumps(FINAL), "slow"))
    assert (summary.model, failures) == ("slow", [])


async def test_an_empty_session_is_summed_up_without_asking_a_model(
    broker: NatsBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = ScriptedModel("never")
    summary, _ = await _summary(broker, monkeypatch, [CLOSED], model)
    assert (summary.turns, summary.summary, summary.topics, summary.sentiment) == (0, "", (), "unknown")
    assert model.questions == []


async def test_a_session_that_is_delivered_again_is_not_summed_up_again(
    broker: NatsBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = ScriptedModel(json.dumps(FINAL), "a:model")
    await _summary(broker, monkeypatch, [*TALK, CLOSED], model)
    tapes = tapes_of(broker)
    await summarising.summarise(LiveLog(broker, tapes), tapes, Settings(), Calls(), CLOSED)
    facts = await facts_until(broker, "s", lambda facts: True)
    assert len(model.questions) == len([fact for fact in facts if isinstance(fact, e.SummaryWritten)]) == 1


async def test_a_long_call_is_summed_up_as_it_goes_each_time_from_the_notes_and_the_new_turns(
    broker: NatsBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = ScriptedModel(lambda question: f"Notes {question.count('User:')}.", "a:model")
    async with summing_up(broker, monkeypatch, model):
        for n in range(1, 13):
            for event in exchange(n):
                await append(broker, event)
        revised = await _said(broker, e.SummaryRevised, 3)
    assert [(one.through_turn_id, one.turns, one.summary) for one in revised if isinstance(one, e.SummaryRevised)] == [
        ("t2", 2, "Notes 2."),
        ("t6", 6, "Notes 4."),
        ("t10", 10, "Notes 4."),
    ]
    assert "Notes so far: (none)" in model.questions[0]
    assert "Notes so far: Notes 2." in model.questions[1]
    assert "My number is 6." in model.questions[1]
    assert "My number is 7." not in model.questions[1]


async def test_two_copies_say_each_rolling_summary_and_the_last_one_once(
    broker: NatsBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = SlowModel(lambda question: json.dumps(FINAL) if "JSON" in question else "Notes.", "a:model")
    async with summing_up(broker, monkeypatch, model, copies=2):
        for n in range(1, 14):
            for event in exchange(n):
                await append(broker, event)
        # A copy that is behind may find that the other one's summary stands for its turns as well.
        await facts_until(
            broker, "s", lambda facts: any(getattr(fact, "through_turn_id", "") == "t10" for fact in facts)
        )
        await append(broker, CLOSED)
        await _said(broker, e.SummaryWritten)
        await _idle(broker)
    stored: Any = (await jetstream(broker).stream_info(VOICE, subjects_filter="voice.s.summary.*")).state.subjects
    revised = [fact for fact in await _said(broker, e.SummaryRevised) if isinstance(fact, e.SummaryRevised)]
    ends = [fact.through_turn_id for fact in revised]
    assert len(ends) == len(set(ends)) == stored["voice.s.summary.revised"]
    assert set(ends) <= {"t2", "t6", "t10"}
    assert stored["voice.s.summary.written"] == 1


async def _idle(broker: NatsBroker) -> None:
    """Wait until the actor has dealt with everything."""
    async with asyncio.timeout(20):
        while True:
            info = await jetstream(broker).consumer_info(VOICE, "summaries")
            if not info.num_pending and not info.num_ack_pending:
                return
            await asyncio.sleep(0.05)


async def test_with_the_local_model_a_long_call_is_kept_in_the_users_own_sentences(
    broker: NatsBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = ScriptedModel("never asked", "local")
    async with summing_up(broker, monkeypatch, model):
        for n in range(1, 5):
            for event in exchange(n, "My name is Sam." if n == 1 else ""):
                await append(broker, event)
        (revised,) = await _said(broker, e.SummaryRevised)
    assert isinstance(revised, e.SummaryRevised)
    assert (revised.summary, revised.model) == ("The user said: My name is Sam. My number is 2.", "extract")
    assert model.questions == []


async def test_a_two_hour_call_is_summed_up_in_pieces_that_a_model_can_take(
    broker: NatsBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = [
        event
        for n in range(1, 401)
        for event in exchange(n, f"This is what I have to tell about thing number {n}. " * 3)[:2]
    ]
    model = ScriptedModel(lambda question: json.dumps(FINAL) if "JSON" in question else "Notes.", "a:model")
    summary, failures = await _summary(broker, monkeypatch, [*facts, CLOSED], model)
    assert (summary.summary, summary.turns, failures) == ("A broken printer.", 400, [])
    assert len(model.questions) > 3
    assert max(map(len, model.questions)) < 15_000


async def test_nothing_is_said_about_a_session_whose_words_were_erased(
    broker: NatsBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = ScriptedModel(json.dumps(FINAL), "a:model")
    for event in (*TALK, CLOSED, e.SessionErased(**COMMON, event_id="erased")):
        await append(broker, event)
    async with summing_up(broker, monkeypatch, model):
        await _idle(broker)
    assert model.questions == []
    assert not [fact for fact in await facts_after(broker, "s") if isinstance(fact.event, e.SummaryWritten)]


@pytest.mark.parametrize("process_turns", [1, 9])
async def test_copies_with_settings_of_their_own_renew_the_summary_as_the_session_was_opened(
    broker: NatsBroker, monkeypatch: pytest.MonkeyPatch, process_turns: int
) -> None:
    asked: list[tuple[str, float]] = []

    def load(settings: Settings) -> list[Any]:
        asked.append((settings.llm, settings.llm_timeout_s))
        return []

    monkeypatch.setattr(summarising, "load_models", load)
    monkeypatch.setattr(actor, "settings", lambda: Settings(llm="fake:process", summary_turns=process_turns))
    profile = profile_of(Settings(llm="fake:door", llm_timeout_s=0.5, summary_turns=3))
    await append(broker, e.SessionOpened(**COMMON, event_id="open", door="test", user_id="u", profile=profile))
    async with running(actor.make(), "summaries", broker):
        for n in range(5):
            for event in exchange(n):
                await append(broker, event)
        await append(broker, CLOSED)
        facts = await facts_until(broker, "s", lambda facts: any(isinstance(f, e.SummaryWritten) for f in facts))
    revised = [fact for fact in facts if isinstance(fact, e.SummaryRevised)]
    assert [fact.turns for fact in revised] == [2], "three turns, without the last one"
    assert set(asked) == {("fake:door", 0.5)}
