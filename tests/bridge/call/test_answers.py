"""What the caller hears, and what the log says of it: playback at the door, on a real log."""

from typing import Any

import pytest

from contracts import events as e
from contracts.topology import audio_out_subject
from infra.log.connection import connection
from infra.log.event_log import now_ns
from tests.bridge.agent import Agent, frames_of
from tests.bridge.conftest import Connect


async def test_an_answer_is_played_and_told_as_heard(connect: Connect, agent: Agent) -> None:
    caller = await connect()
    await agent.reply(caller.session_id, "r-1")
    await caller.message("reply_end", reply_id="r-1", samples=24_000)
    await caller.until(lambda: len(caller.sound["r-1"]) == 48_000)
    await caller.played("r-1", 100, started=True)
    assert (await caller.fact("PlaybackStarted")).get("gap_ms") is None
    await caller.played("r-1", 24_000, ended=True)
    finished = await caller.fact("PlaybackFinished")
    assert finished["heard_text"] == "Hello there. How are you?"
    assert finished["turn_id"] == "turn-1"


async def test_the_gap_of_a_spoken_turn_is_the_sum_of_its_parts(connect: Connect, agent: Agent) -> None:
    caller = await connect()
    ended_ns = now_ns() - 500_000_000
    evidence = {
        "silence_ms": 400,
        "required_silence_ms": 300,
        "speech_ended_ns": ended_ns,
        "text_ready_ns": ended_ns + 350_000_000,
    }
    turn = {"participant_id": "caller", "text": "hi", "turn_id": "turn-1", "evidence": evidence}
    await agent.append(e.TurnEnded, caller.session_id, **turn)
    await agent.reply(caller.session_id, "r-1")
    await caller.message("reply_end", reply_id="r-1")
    await caller.played("r-1", 100, started=True)
    started = await caller.fact("PlaybackStarted")
    assert started["gap_ms"] >= 500
    assert sum(started["parts"].values()) == pytest.approx(started["gap_ms"], abs=0.01)
    # The words were known after the silence that was required, so they are what was waited for.
    assert started["parts"]["stt_ms"] == pytest.approx(350)


async def test_a_draft_is_silent_until_it_is_committed(connect: Connect, agent: Agent) -> None:
    caller = await connect()
    await agent.reply(caller.session_id, "r-1", draft=True)
    await agent.append(e.ReplyDiscarded, caller.session_id, reply_id="r-1", turn_id="turn-1")
    await agent.reply(caller.session_id, "r-2", draft=True)
    await caller.fact("ReplyCompleted", 1)
    assert not caller.sound
    await agent.append(e.ReplyCommitted, caller.session_id, reply_id="r-2", turn_id="turn-1")
    await caller.message("reply_end", reply_id="r-2", samples=24_000)
    assert list(caller.sound) == ["r-2"]


async def speak_over(agent: Agent, session_id: str, reply_id: str) -> dict[str, Any]:
    names = {"participant_id": "caller", "utterance_id": "u-2", "turn_id": "turn-2"}
    sound = {"track_id": "t", "start_sample": 0, "over_reply_id": reply_id}
    await agent.append(e.SpeechStarted, session_id, **names, **sound)
    return names


async def test_a_barge_in_stops_and_tells_what_was_heard_to_the_word(connect: Connect, agent: Agent) -> None:
    caller = await connect()
    await agent.reply(caller.session_id, "r-1")
    await caller.message("reply_end")
    await caller.played("r-1", 2_400, started=True)
    names = await speak_over(agent, caller.session_id, "r-1")
    await caller.message("pause", reply_id="r-1")
    await caller.played("r-1", 15_500)
    assert (await caller.fact("PlaybackPaused"))["played_samples"] == 15_500
    await agent.append(e.TurnInterrupted, caller.session_id, reply_id="r-1", **names)
    await caller.message("stop", reply_id="r-1")
    await caller.played("r-1", 15_600)
    interrupted = await caller.fact("PlaybackInterrupted")
    assert interrupted["heard_text"] == "Hello there. How"
    assert interrupted["played_samples"] == 15_600
    assert interrupted["clause_index"] == 1
    assert interrupted["reason"] == "barge-in"


async def test_after_a_cough_the_answer_goes_on(connect: Connect, agent: Agent) -> None:
    caller = await connect()
    await agent.reply(caller.session_id, "r-1")
    await caller.message("reply_end")
    await caller.played("r-1", 2_400, started=True)
    names = await speak_over(agent, caller.session_id, "r-1")
    await caller.message("pause", reply_id="r-1")
    await caller.played("r-1", 3_000)
    dismissed = names | {"reply_id": "r-1", "reason": "no-words"}
    await agent.append(e.InterruptionDismissed, caller.session_id, **dismissed)
    await caller.message("resume", reply_id="r-1")
    resumed = await caller.fact("PlaybackResumed")
    assert resumed["played_samples"] == 3_000
    assert resumed["paused_ms"] > 0
    await caller.played("r-1", 24_000, ended=True)
    assert (await caller.fact("PlaybackFinished"))["heard_text"] == "Hello there. How are you?"


async def test_typing_interrupts_and_what_was_heard_is_told_before_the_turn(connect: Connect, agent: Agent) -> None:
    caller = await connect()
    await agent.reply(caller.session_id, "r-1")
    await caller.message("reply_end")
    await caller.played("r-1", 2_400, started=True)
    await caller.send(type="text", text="stop it")
    await caller.message("stop", reply_id="r-1")
    await caller.played("r-1", 7_000)
    await caller.fact("TurnEnded")
    assert caller.fact_names()[-3:] == ["TurnInterrupted", "PlaybackInterrupted", "TurnEnded"]
    assert caller.facts("PlaybackInterrupted")[0]["heard_text"] == "Hello"


async def test_sound_that_was_lost_is_asked_for_again(connect: Connect, agent: Agent) -> None:
    caller = await connect()
    session_id = caller.session_id
    names = {"reply_id": "r-1", "index": 0, "text": "Hello there."}
    async with agent.synthesizing_again(session_id, 12_000) as asked:
        await agent.append(e.ReplyStarted, session_id, reply_id="r-1", turn_id="turn-1", text="hi")
        await agent.append(e.ReplyClauseWritten, session_id, **names)
        frames = frames_of("r-1", 0, 12_000)
        await agent.publish(session_id, frames[:3] + frames[5:7])
        await agent.append(e.ClauseSynthesized, session_id, **names, samples=12_000, sample_rate_hz=24_000)
        await agent.append(e.ReplyCompleted, session_id, reply_id="r-1", text="Hello there.", clauses=1)
        await caller.message("reply_end", samples=12_000)
        assert len(asked) == 1
        assert len(caller.sound["r-1"]) == 24_000


async def test_rubbish_on_the_sound_subject_is_left_out(connect: Connect, agent: Agent) -> None:
    caller = await connect()
    await connection(agent.broker).publish(audio_out_subject(caller.session_id), b"\xc1rubbish")
    await agent.reply(caller.session_id, "r-1")
    await caller.message("reply_end", reply_id="r-1", samples=24_000)


async def test_an_answer_that_sounded_when_the_line_broke_is_counted_by_the_page(
    connect: Connect, agent: Agent
) -> None:
    first = await connect()
    await agent.reply(first.session_id, "r-1")
    await first.message("reply_end")
    await first.played("r-1", 2_400, started=True)
    await first.fact("PlaybackStarted")
    await first.connection.close()
    second = await connect(**first.resuming)
    await second.message("stop", reply_id="r-1")
    await second.played("r-1", 12_500)
    interrupted = await second.fact("PlaybackInterrupted")
    assert interrupted["heard_text"] == "Hello there."
    assert interrupted["reason"] == "vanished"


async def test_an_answer_made_while_nobody_listened_is_played_to_whoever_comes_back(
    connect: Connect, agent: Agent
) -> None:
    first = await connect()
    await first.connection.close()
    await agent.reply(first.session_id, "r-1")
    second = await connect(**first.resuming)
    await second.message("reply_end", reply_id="r-1", samples=24_000)
