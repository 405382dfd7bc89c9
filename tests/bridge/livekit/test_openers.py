"""An opener in a room of a real LiveKit server, with the actors behind the door played by the test."""

import os
import signal

from contracts import events as e
from infra.log.event_log import now_ns
from tests.bridge.agent import RATE_HZ, Agent
from tests.bridge.livekit.conftest import Invite, StartBridge
from tests.bridge.livekit.session_log import facts_with, held_by, pid_of, talking
from tests.bridge.livekit.shared_bridge import *  # noqa: F403 (its fixtures)
from tests.bridge.livekit.voice import WORD_S, say_tones, saying_again
from tests.waiting import until

NAMES = {"reply_id": "o-1", "turn_id": "turn-1", "participant_id": "ada"}


async def cue(agent: Agent, session_id: str, text: str) -> None:
    """Let the turn seem to be over for 250 ms."""
    why = {"reason": "between", "silence_ms": 210, "required_silence_ms": 700}
    await agent.append(e.OpenerCued, session_id, **NAMES, **why, text=text, speech_ended_ns=now_ns() - 250_000_000)


async def played(agent: Agent, session_id: str) -> e.OpenerPlayed:
    facts = await facts_with(agent, session_id, e.OpenerPlayed)
    (opener,) = (fact for fact in facts if isinstance(fact, e.OpenerPlayed))
    return opener


async def test_an_opener_is_heard_to_its_end_and_then_its_answer(
    start_bridge: StartBridge, invite: Invite, agent: Agent
) -> None:
    await start_bridge()
    ada, session_id = await talking(invite, agent)
    async with saying_again(agent, session_id) as asked:
        await cue(agent, session_id, "Well,")
        await ada.hears()
        text = await say_tones(agent, session_id, "r-1", [2])
        opener = await played(agent, session_id)
        facts = await facts_with(agent, session_id, e.PlaybackFinished)
    assert (opener.played_samples, opener.retracted) == (WORD_S * RATE_HZ, False)
    assert opener.gap_ms is not None
    assert opener.gap_ms > 250
    assert len(asked) == 1
    (begun,) = (fact for fact in facts if isinstance(fact, e.PlaybackStarted))
    (finished,) = (fact for fact in facts if isinstance(fact, e.PlaybackFinished))
    assert begun.heard_ns is not None
    assert opener.ended_ns is not None
    assert begun.heard_ns >= opener.ended_ns
    assert finished.heard_text == text
    await until(lambda: any(caption.final and caption.segment_id == "r-1" for caption in ada.captions))
    assert {caption.segment_id for caption in ada.captions} == {"r-1"}


async def test_an_opener_falls_silent_when_the_caller_goes_on_and_the_answer_is_heard_later(
    start_bridge: StartBridge, invite: Invite, agent: Agent
) -> None:
    await start_bridge()
    ada, session_id = await talking(invite, agent)
    async with saying_again(agent, session_id):
        await cue(agent, session_id, "Well, let me see,")
        await ada.hears()
        await agent.append(e.OpenerRetracted, session_id, **NAMES, went_on_ns=now_ns())
        opener = await played(agent, session_id)
        heard_s = len(ada.loud_at) * 0.02
        text = await say_tones(agent, session_id, "r-1", [2])
        facts = await facts_with(agent, session_id, e.PlaybackFinished)
    assert opener.retracted
    assert 0 < opener.played_samples < 4 * WORD_S * RATE_HZ
    assert heard_s < 4 * WORD_S
    (finished,) = (fact for fact in facts if isinstance(fact, e.PlaybackFinished))
    assert finished.heard_text == text


async def test_what_was_heard_of_an_opener_as_its_job_died_is_told_by_the_next_job_and_the_answer_is_heard(
    start_bridge: StartBridge, invite: Invite, agent: Agent
) -> None:
    await start_bridge()
    ada, session_id = await talking(invite, agent)
    async with saying_again(agent, session_id):
        await cue(agent, session_id, "Well, let me see,")
        await ada.hears()
        await held_by(agent, session_id, lambda lease: lease.reply_id == "o-1" and lease.played_samples > 0)
        os.kill(await pid_of(agent, session_id), signal.SIGKILL)
        opener = await played(agent, session_id)
        text = await say_tones(agent, session_id, "r-1", [2])
        facts = await facts_with(agent, session_id, e.PlaybackFinished)
    assert opener.retracted
    assert 0 < opener.played_samples < 4 * WORD_S * RATE_HZ
    (finished,) = (fact for fact in facts if isinstance(fact, e.PlaybackFinished))
    assert finished.heard_text == text
