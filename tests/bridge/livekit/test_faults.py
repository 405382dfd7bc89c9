"""Servers that go away in the middle of a call, and come back."""

import time

import pytest

from contracts import events as e
from infra.livekit.naming import agent_identity, session_of_room
from tests.bridge.agent import Agent
from tests.bridge.livekit.conftest import Invite, StartBridge
from tests.bridge.livekit.session_log import facts_with, names, one, reason_of_end, talking
from tests.bridge.livekit.shared_bridge import *  # noqa: F403 (its fixtures)
from tests.bridge.livekit.shared_bridge import own_bridge
from tests.bridge.livekit.voice import say_tones, saying_again
from tests.livekit_server import LiveKitServer
from tests.servers import NatsServer
from tests.waiting import until

OUTAGES_S = [8, pytest.param(20, marks=pytest.mark.nightly)]
"""Longer than a job's lease lasts, and than a publish waits for its ack."""
shared_bridge = own_bridge()


async def test_after_a_restart_of_livekit_the_session_is_ended_and_a_new_room_served(
    start_bridge: StartBridge, invite: Invite, agent: Agent, livekit_server: LiveKitServer, hall: str
) -> None:
    await start_bridge()
    _, session_id = await talking(invite, agent)
    await livekit_server.restart()
    facts = await facts_with(agent, session_id, e.SessionClosed, within_s=60)
    assert reason_of_end(facts) == "room-gone"
    bob = await invite(hall, "bob")
    anew = session_of_room(await bob.room.sid)
    assert anew != session_id
    await facts_with(agent, anew, e.TrackPublished, within_s=60)
    await until(lambda: [p.identity for p in bob.agents()] == [agent_identity(anew)])
    await say_tones(agent, anew, "r-1", [1])
    await bob.hears()


@pytest.mark.parametrize("outage_s", OUTAGES_S)
async def test_seconds_without_nats_are_survived(
    start_bridge: StartBridge, invite: Invite, agent: Agent, nats_server: NatsServer, outage_s: float
) -> None:
    bridge = await start_bridge()
    logged = len(bridge.log())
    ada, session_id = await talking(invite, agent)
    async with saying_again(agent, session_id):
        text = await say_tones(agent, session_id, "r-1", [2])
        await ada.hears()
        await nats_server.stop()
        gone_at = time.monotonic()
        await until(lambda: time.monotonic() - gone_at > outage_s, outage_s + 5)
        heard_s = len(ada.loud_at) * 0.02
        await nats_server.start()
        finished = await one(agent, session_id, e.PlaybackFinished, within_s=30)
        assert isinstance(finished, e.PlaybackFinished)
        assert finished.heard_text == text
        await say_tones(agent, session_id, "r-2", [2])
        await facts_with(agent, session_id, e.PlaybackFinished, count=2)
    assert heard_s > 1.8
    assert "its job is gone" not in bridge.log()[logged:]
    facts = await agent.facts(session_id)
    assert "SessionClosed" not in names(facts)
    assert names(facts).count("TrackPublished") == 1
