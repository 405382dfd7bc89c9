"""A job that dies or freezes while its bridge goes on: another has its room, or it keeps it, and only one speaks."""

import os
import signal
import time

import pytest

from bridge.livekit.ownership.lease import LAPSE_S
from bridge.livekit.ownership.take_over import WATCH_S
from contracts import events as e
from infra.livekit.naming import agent_identity
from tests.bridge.agent import Agent
from tests.bridge.livekit.conftest import Invite, StartBridge
from tests.bridge.livekit.session_log import facts_with, held_by, names, one, pid_of, talking
from tests.bridge.livekit.shared_bridge import *  # noqa: F403 (its fixtures)
from tests.bridge.livekit.voice import say_tones, saying_again
from tests.waiting import until


@pytest.mark.alone
async def test_a_job_killed_in_mid_reply_is_followed_by_another_that_goes_on(
    start_bridge: StartBridge, invite: Invite, agent: Agent
) -> None:
    await start_bridge()
    ada, session_id = await talking(invite, agent)
    async with saying_again(agent, session_id) as asked:
        text = await say_tones(agent, session_id, "r-1", [2, 2, 2])
        await ada.hears()
        await until(lambda: len(ada.loud_at) > 120)
        os.kill(await pid_of(agent, session_id), signal.SIGKILL)
        killed_at = time.monotonic()
        await until(lambda: ada.loud_at[-1] < time.monotonic() - 0.5)
        silent_from = len(ada.loud_at)
        await until(lambda: len(ada.loud_at) > silent_from)
        print("killed to sounding again, s:", round(ada.loud_at[silent_from] - killed_at, 2), "asked for", asked)
        assert ada.loud_at[silent_from] - killed_at < 3
        finished = await one(agent, session_id, e.PlaybackFinished)
    assert isinstance(finished, e.PlaybackFinished)
    assert finished.heard_text == text
    assert [p.identity for p in ada.agents()] == [agent_identity(session_id)]
    facts = await agent.facts(session_id)
    assert names(facts).count("SessionOpened") == names(facts).count("PlaybackStarted") == 1
    heard_s = len(ada.loud_at) * 0.02
    assert 5.5 < heard_s < 7
    assert 0 not in asked
    await ada.leave()
    await facts_with(agent, session_id, e.SessionClosed)


async def test_a_job_killed_as_a_reply_begins_is_followed_by_another_that_says_it(
    start_bridge: StartBridge, invite: Invite, agent: Agent
) -> None:
    await start_bridge()
    ada, session_id = await talking(invite, agent)
    async with saying_again(agent, session_id):
        text = await say_tones(agent, session_id, "r-1", [2, 1])
        await facts_with(agent, session_id, e.PlaybackStarted)
        os.kill(await pid_of(agent, session_id), signal.SIGKILL)
        finished = await one(agent, session_id, e.PlaybackFinished)
    assert isinstance(finished, e.PlaybackFinished)
    assert finished.heard_text == text
    assert len(ada.loud_at) * 0.02 > 2.9
    assert names(await agent.facts(session_id)).count("PlaybackStarted") == 1
    await ada.leave()
    await facts_with(agent, session_id, e.SessionClosed)


async def test_a_caller_who_leaves_while_the_agent_is_away_ends_the_session(
    start_bridge: StartBridge, invite: Invite, agent: Agent
) -> None:
    await start_bridge()
    ada, session_id = await talking(invite, agent)
    os.kill(await pid_of(agent, session_id), signal.SIGKILL)
    await ada.leave()
    facts = await facts_with(agent, session_id, e.SessionClosed)
    assert names(facts)[-3:] == ["TrackUnpublished", "ParticipantLeft", "SessionClosed"]
    assert isinstance(facts[-1], e.SessionClosed)
    assert facts[-1].reason == "left"


async def test_a_frozen_job_that_wakes_has_lost(start_bridge: StartBridge, invite: Invite, agent: Agent) -> None:
    await start_bridge()
    ada, session_id = await talking(invite, agent)
    frozen = await pid_of(agent, session_id)
    os.kill(frozen, signal.SIGSTOP)
    try:
        await held_by(agent, session_id, lambda h: h.state == "held" and f"/{frozen}/" not in h.owner)
        await facts_with(agent, session_id, e.TrackPublished, count=2)
    finally:
        os.kill(frozen, signal.SIGCONT)
    await say_tones(agent, session_id, "r-1", [2])
    await one(agent, session_id, e.PlaybackFinished)
    assert [p.identity for p in ada.agents()] == [agent_identity(session_id)]
    assert len(ada.loud_at) * 0.02 < 2.3
    await ada.leave()
    facts = await facts_with(agent, session_id, e.SessionClosed)
    assert names(facts).count("SessionClosed") == 1


async def test_a_job_that_is_late_but_alive_keeps_its_room(
    start_bridge: StartBridge, invite: Invite, agent: Agent
) -> None:
    bridge = await start_bridge()
    ada, session_id = await talking(invite, agent)
    pid = await pid_of(agent, session_id)
    logged = len(bridge.log())
    os.kill(pid, signal.SIGSTOP)
    stopped_s = time.monotonic()
    try:
        # Its lease has lapsed, and it is being asked; the answer would come too late a second after.
        await until(lambda: time.monotonic() - stopped_s > LAPSE_S + 2 * WATCH_S)
    finally:
        os.kill(pid, signal.SIGCONT)
    await until(lambda: "late, but alive" in bridge.log()[logged:])
    await say_tones(agent, session_id, "r-1", [1])
    await one(agent, session_id, e.PlaybackFinished)
    assert await pid_of(agent, session_id) == pid
    assert names(await agent.facts(session_id)).count("TrackPublished") == 1
    await ada.leave()
    await facts_with(agent, session_id, e.SessionClosed)
