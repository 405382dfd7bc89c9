"""A whole call through every process: real speech in, real speech out, every fact in the log."""

import dataclasses

import numpy as np
import pytest

from contracts import events as e
from infra.caller import CallResult, ScriptedUtterance, place_call, read_wav
from infra.system.supervisor import Supervisor
from tests.e2e.conftest import DATA
from tests.e2e.the_log import facts_of

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="package")]


async def test_a_caller_is_understood_and_answered_with_a_voice(hello_call: CallResult) -> None:
    (turn,) = hello_call.turns
    assert "how are you" in turn.text.lower()
    assert turn.heard_text == turn.reply_text
    assert np.abs(hello_call.answer.samples).max() > 3000
    assert turn.log_gap_ms == pytest.approx(sum(turn.parts.values()), abs=0.5)


async def test_the_log_has_the_turn_in_order(system: Supervisor, hello_call: CallResult) -> None:
    facts = [fact.event for fact in await facts_of(system.addresses.nats_url, hello_call.session_id)]
    order = [e.SessionOpened, e.TrackPublished, e.SpeechStarted, e.SpeechEnded, e.TurnEnded, e.PlaybackStarted]
    places = [next(i for i, fact in enumerate(facts) if isinstance(fact, kind)) for kind in order]
    assert places == sorted(places)
    spoken = {fact.reply_id for fact in facts if isinstance(fact, e.PlaybackFinished)}
    committed = {fact.reply_id for fact in facts if isinstance(fact, e.ReplyCommitted)}
    straight = {fact.reply_id for fact in facts if isinstance(fact, e.ReplyStarted) and not fact.draft}
    assert spoken <= committed | straight


async def test_the_time_comes_from_the_tool_and_the_call_is_in_the_log(system: Supervisor) -> None:
    result = await place_call(system.page_url, [DATA / "what_time.wav"])
    facts = [fact.event for fact in await facts_of(system.addresses.nats_url, result.session_id)]
    called = [fact for fact in facts if isinstance(fact, e.ToolCalled)]
    returned = [fact for fact in facts if isinstance(fact, e.ToolReturned)]
    assert called
    assert {fact.call_id for fact in called} == {fact.call_id for fact in returned}


async def test_barge_in_stops_the_agent_and_records_what_was_heard(system: Supervisor) -> None:
    story, stop = ScriptedUtterance(read_wav(DATA / "story.wav")), ScriptedUtterance(read_wav(DATA / "stop.wav"))
    result = await place_call(system.page_url, [story, dataclasses.replace(stop, after_reply_ms=600)])
    first = result.turns[0]
    assert first.interrupted
    assert first.reply_text.startswith(first.heard_text.split(" ")[0])
    assert len(first.heard_text) < len(first.reply_text)
    assert "stop" in result.turns[-1].text.lower()


@pytest.mark.parametrize("sound", ["cough.wav", pytest.param("mhm.wav", marks=pytest.mark.nightly)])
async def test_a_cough_or_an_mhm_over_a_reply_does_not_end_it(system: Supervisor, sound: str) -> None:
    story, noise = ScriptedUtterance(read_wav(DATA / "story.wav")), ScriptedUtterance(read_wav(DATA / sound))
    result = await place_call(system.page_url, [story, dataclasses.replace(noise, after_reply_ms=600)])
    (turn,) = result.turns
    assert not turn.interrupted
    assert turn.heard_text == turn.reply_text
