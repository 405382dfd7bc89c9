"""A job or a bridge that ends: another goes on in the same session as the same agent, and only one speaks."""

import os
import signal
import time

import pytest

from contracts import events as e
from infra.livekit.naming import agent_identity
from tests.bridge.agent import Agent
from tests.bridge.livekit.conftest import Invite, StartBridge
from tests.bridge.livekit.session_log import facts_with, held_by, names, one, pid_of, talking
from tests.bridge.livekit.voice import say_tones, saying_again
from tests.waiting import until


@pytest.mark.alone
async def test_a_job_killed_in_mid_reply_is_followed_by_another_that_goes_on(
    start_bridge: StartBridge, invite: Invite, agent: Agent
) -> None:
    await start_bridge()
    ada, session_id = await talking(invite, agent)
    async with saying_again(agent, session_id) as asked:
        text = await say_tones(agent, session_id, "r-1", [2, 3, 3])
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
    assert 7.5 < heard_s < 9
    assert 0 not in asked
    await ada.leave()
    await facts_with(agent, session_id, e.SessionClosed)


async def test_a_bridge_that_is_ended_hands_its_rooms_over(
    start_bridge: StartBridge, invite: Invite, agent: Agent
) -> None:
    first = await start_bridge()
    ada, session_id = await talking(invite, agent)
    await start_bridge()
    async with saying_again(agent, session_id):
        text = await say_tones(agent, session_id, "r-1", [2, 2, 2])
        await ada.hears()
        pid = await pid_of(agent, session_id)
        await first.stop()
        await held_by(agent, session_id, lambda h: h.state == "held" and f"/{pid}/" not in h.owner)
        finished = await one(agent, session_id, e.PlaybackFinished)
    assert isinstance(finished, e.PlaybackFinished)
    assert finished.heard_text == text
    assert "SessionClosed" not in names(await agent.facts(session_id))


async def test_of_two_bridges_sent_to_one_room_exactly_one_speaks(
    start_bridge: StartBridge, invite: Invite, agent: Agent
) -> None:
    await start_bridge()
    await start_bridge(livekit_agent_name="second")
    ada, session_id = await talking(invite, agent)
    async with ada.server.api() as livekit:
        from livekit.api import CreateAgentDispatchRequest

        await livekit.agent_dispatch.create_dispatch(CreateAgentDispatchRequest(agent_name="second", room="hall"))
    await say_tones(agent, session_id, "r-1", [3])
    await one(agent, session_id, e.PlaybackFinished)
    assert len(ada.agents()) == 1
    assert len(ada.loud_at) * 0.02 < 3.3
    assert names(await agent.facts(session_id)).count("TrackPublished") == 1
