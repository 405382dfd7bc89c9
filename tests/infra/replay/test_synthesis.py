"""Synthesis runs again over its tape: the same samples, word ends and failures, without any sound."""

import asyncio

import pytest
from faststream.nats import NatsBroker

from actors.synthesis import framing
from actors.synthesis.session_state import SessionState
from contracts import events as e
from contracts.topology import SYNTHESIS
from infra.engines.chain import PASSED_OVER
from infra.log.event_log import Fact, append, facts_after
from infra.replay.recorded_log import FactDifference
from infra.replay.schedule import Outcome, TapedStretch, run_stretch
from infra.replay.synthesis import REPLAYED_SYNTHESIS
from infra.session.behaviour import profile_of
from infra.settings import Settings
from infra.tape.recorded import RequestDifference
from tests.actors.running import facts_until
from tests.actors.synthesis.test_actor import ScriptedVoice, clause, synthesis, synthesized
from tests.infra.replay.stretches import stretches


def opened(session: str = "s", **behaviour: object) -> e.SessionOpened:
    """A session at a rate that is not the voice's: its sound is resampled."""
    profile = profile_of(Settings.model_validate({"agent_sample_rate_hz": 16_000, **behaviour}))
    return e.SessionOpened(
        event_id=f"{session}-opened", session_id=session, time_ns=1, door="websocket", user_id="sam", profile=profile
    )


async def recorded(
    broker: NatsBroker, monkeypatch: pytest.MonkeyPatch, *voices: ScriptedVoice
) -> tuple[TapedStretch, list[Fact]]:
    """Have synthesis say three clauses of one reply and stop in the midst of another; return its tape and the log."""
    async with synthesis(broker, monkeypatch, *voices):
        await append(broker, opened())
        for index, text in enumerate(["Hello there, it is $12.75.", "**", "How are you?"]):
            await append(broker, clause(index, text))
        await append(broker, clause(0, "Hold the line, please.", reply="r2"))
        await voices[-1].asked.wait()
        stopped = e.TurnInterrupted(
            event_id="stop", session_id="s", time_ns=1, turn_id="t", reply_id="r2", participant_id="p", text="Stop."
        )
        await append(broker, stopped)
        await append(broker, clause(0, "Yes?", reply="r3"))
        facts = await facts_until(broker, "s", lambda facts: len(synthesized(facts)) == 4)
        assert [fact.reply_id for fact in synthesized(facts)] == ["r", "r", "r", "r3"]
    stored = await facts_after(broker, "s")
    [stretch] = await stretches(broker, "s", SYNTHESIS, stored[-1].sequence)
    return stretch, stored


async def run(stretch: TapedStretch, facts: list[Fact]) -> Outcome:
    return await asyncio.to_thread(run_stretch, stretch, "s", facts, REPLAYED_SYNTHESIS)


def own(facts: list[Fact]) -> frozenset[int]:
    return frozenset(fact.sequence for fact in facts if isinstance(fact.event, e.ClauseSynthesized | e.EngineFailed))


async def test_clauses_come_out_as_they_were(broker: NatsBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    stretch, facts = await recorded(broker, monkeypatch, ScriptedVoice())
    assert sum(len(str(each.payload)) for each in stretch.deliveries) < 4_000, "no sound is on the tape"
    for _ in range(2):
        outcome = await run(stretch, facts)
        assert (outcome.differences, outcome.errors, outcome.same) == ([], [], own(facts))


async def test_voices_that_failed_then_fail_again(broker: NatsBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    stretch, facts = await recorded(broker, monkeypatch, ScriptedVoice("broken"), ScriptedVoice())
    assert sum(isinstance(fact.event, e.EngineFailed) for fact in facts) == 1
    outcome = await run(stretch, facts)
    assert (outcome.differences, outcome.errors, outcome.same) == ([], [], own(facts))


async def test_a_session_whose_voice_rests_because_of_another_session_has_a_fact_that_says_so(
    broker: NatsBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with synthesis(broker, monkeypatch, ScriptedVoice("broken"), ScriptedVoice()):
        for session in ("s-1", "s"):
            await append(broker, opened(session))
            for index in range(3):
                await append(broker, clause(index, session=session))
            await facts_until(broker, session, lambda facts: len(synthesized(facts)) == 3)
    for session, error in (("s-1", "ConnectionError: no line"), ("s", PASSED_OVER)):
        failures = [fact.event for fact in await facts_after(broker, session) if isinstance(fact.event, e.EngineFailed)]
        assert [(each.engine, each.error, each.action) for each in failures] == [("tts:broken", error, "used scripted")]
    facts = await facts_after(broker, "s")
    [stretch] = await stretches(broker, "s", SYNTHESIS, facts[-1].sequence)
    outcome = await run(stretch, facts)
    assert (outcome.differences, outcome.errors, outcome.same) == ([], [], own(facts))


async def test_a_clause_that_is_no_longer_said_is_reported(broker: NatsBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    stretch, facts = await recorded(broker, monkeypatch, ScriptedVoice())
    monkeypatch.setattr(SessionState, "to_do", lambda self, written: written.index != 2)
    changes = {each.what.change for each in (await run(stretch, facts)).differences}
    assert changes == {"not asked now", "not appended now"}


async def test_word_ends_that_are_counted_otherwise_are_reported(
    broker: NatsBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    stretch, facts = await recorded(broker, monkeypatch, ScriptedVoice())
    monkeypatch.setattr(framing, "estimated_word_ends", lambda words, start, end, most: (end,) * len(words))
    differences = (await run(stretch, facts)).differences
    assert differences
    for each in differences:
        assert isinstance(each.what, FactDifference)
        assert {field.path.partition(".")[0] for field in each.what.fields} == {"word_end_samples"}


async def test_another_text_for_the_voice_is_reported(broker: NatsBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    stretch, facts = await recorded(broker, monkeypatch, ScriptedVoice())
    first = next(place for place, fact in enumerate(facts) if isinstance(fact.event, e.ReplyClauseWritten))
    facts[first] = Fact(facts[first].sequence, facts[first].event.model_copy(update={"text": "Good day."}))
    changes = [each.what for each in (await run(stretch, facts)).differences]
    assert [(each.change, each.parts) for each in changes if isinstance(each, RequestDifference)] == [
        ("asked otherwise", ("text",)),  # can it be said?
        ("asked otherwise", ("text",)),  # its sound
    ]
