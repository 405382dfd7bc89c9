"""Everything died, and NATS forgot who has which room: a bridge that comes takes the rooms, or ends what has none."""

import asyncio

import pytest
from livekit import api

from bridge.livekit.room_job import LIVEKIT
from contracts import events as e
from infra.livekit.naming import agent_identity
from tests.bridge.agent import Agent
from tests.bridge.call.test_ownership import closed, left_behind
from tests.bridge.livekit.bridge_process import BridgeProcess
from tests.bridge.livekit.conftest import Invite, StartBridge
from tests.bridge.livekit.guest import Guest
from tests.bridge.livekit.session_log import facts_with, names, one, talking
from tests.bridge.livekit.voice import say_tones
from tests.livekit_server import LiveKitServer
from tests.servers import NatsServer
from tests.waiting import until


async def all_die(bridge: BridgeProcess, nats_server: NatsServer) -> None:
    await bridge.die()
    await nats_server.stop()
    await nats_server.start()


async def goes_on(agent: Agent, ada: Guest, session_id: str) -> None:
    """Wait until the session has its caller again, and see that they hear the agent, once."""
    await facts_with(agent, session_id, e.TrackPublished, within_s=40, count=2)
    await say_tones(agent, session_id, "r-1", [1])
    await one(agent, session_id, e.PlaybackFinished)
    await ada.hears()
    assert [p.identity for p in ada.agents()] == [agent_identity(session_id)]
    assert len(ada.loud_at) * 0.02 < 1.3
    facts = names(await agent.facts(session_id))
    assert facts.count("SessionOpened") == facts.count("TrackUnpublished") == 1
    assert "SessionClosed" not in facts


@pytest.mark.nightly  # the next one also forgets the leases
async def test_when_all_bridges_died_the_next_goes_on_in_their_rooms(
    start_bridge: StartBridge, invite: Invite, agent: Agent
) -> None:
    first = await start_bridge()
    ada, session_id = await talking(invite, agent)
    await first.die()
    await start_bridge()
    await goes_on(agent, ada, session_id)


async def test_when_nats_forgot_the_leases_too_the_next_bridge_goes_on_in_the_rooms_there_are(
    start_bridge: StartBridge, invite: Invite, agent: Agent, nats_server: NatsServer
) -> None:
    first = await start_bridge()
    ada, session_id = await talking(invite, agent)
    await all_die(first, nats_server)
    await start_bridge()
    await goes_on(agent, ada, session_id)


@pytest.mark.nightly
async def test_a_room_that_all_forgot_is_taken_by_a_bridge_of_the_agent_that_was_sent_there(
    start_bridge: StartBridge, invite: Invite, agent: Agent, nats_server: NatsServer, livekit_server: LiveKitServer
) -> None:
    first = await start_bridge(livekit_agent_name="night")
    async with livekit_server.api() as livekit:
        sent = [api.RoomAgentDispatch(agent_name="night")]
        await livekit.room.create_room(api.CreateRoomRequest(name="hall", agents=sent))
    ada, session_id = await talking(invite, agent)
    await all_die(first, nats_server)
    other, ours = await asyncio.gather(start_bridge(livekit_agent_name="day"), start_bridge(livekit_agent_name="night"))
    await goes_on(agent, ada, session_id)
    assert "another is sent to room hall" in ours.log()
    assert "another is sent" not in other.log()


@pytest.mark.parametrize("copies", [1, pytest.param(2, marks=pytest.mark.nightly)])
async def test_of_a_room_that_went_while_all_were_dead_the_session_is_ended_once(
    start_bridge: StartBridge,
    invite: Invite,
    agent: Agent,
    nats_server: NatsServer,
    livekit_server: LiveKitServer,
    copies: int,
) -> None:
    first = await start_bridge()
    ada, session_id = await talking(invite, agent)
    await say_tones(agent, session_id, "r-1", [3])
    await ada.hears()
    await all_die(first, nats_server)
    async with livekit_server.api() as livekit:
        await livekit.room.delete_room(api.DeleteRoomRequest(room="hall"))
    bridges = await asyncio.gather(*(start_bridge() for _ in range(copies)))
    facts = await facts_with(agent, session_id, e.SessionClosed, within_s=40)
    assert closed(facts)[0].reason == "room-gone"
    ends = ["TrackUnpublished", "PlaybackInterrupted", "ParticipantLeft", "SessionClosed"]
    assert names(facts)[-4:] == ends
    assert [names(facts).count(name) for name in ends] == [1, 1, 1, 1]
    assert sum(bridge.log().count("it is ended") for bridge in bridges) == 1


async def test_when_nats_is_back_what_nobody_holds_is_ended_and_rooms_with_a_job_are_let_be(
    start_bridge: StartBridge, invite: Invite, agent: Agent, nats_server: NatsServer
) -> None:
    bridge = await start_bridge()
    ada, session_id = await talking(invite, agent)
    await left_behind(agent.broker, "lk-left", LIVEKIT)
    await left_behind(agent.broker, "page", "websocket")
    await nats_server.stop()
    await nats_server.start()
    facts = await facts_with(agent, "lk-left", e.SessionClosed, within_s=40)
    assert closed(facts)[0].reason == "room-gone"
    await say_tones(agent, session_id, "r-1", [1])
    await one(agent, session_id, e.PlaybackFinished)
    await until(lambda: len(ada.loud_at) > 40)
    assert "its job is gone" not in bridge.log()
    assert not closed(await agent.facts(session_id))
    assert names(await agent.facts(session_id)).count("TrackPublished") == 1
    assert not closed(await agent.facts("page"))
