"""An agent with a name comes into the rooms to which it is sent, by token or by API, and into no others."""

from datetime import timedelta
from pathlib import Path

from livekit import api

from contracts import events as e
from infra.livekit.naming import agent_identity, session_of_room
from infra.livekit.tokens import join_token
from tests.bridge.agent import Agent
from tests.bridge.livekit.bridge_process import bridge_settings, running_bridge
from tests.bridge.livekit.conftest import Invite, StartBridge
from tests.bridge.livekit.guest import Guest
from tests.bridge.livekit.session_log import facts_with, names, one
from tests.bridge.livekit.shared_bridge import *  # noqa: F403 (its fixtures)
from tests.bridge.livekit.shared_bridge import own_bridge
from tests.bridge.livekit.voice import say_tones
from tests.livekit_server import LiveKitServer
from tests.servers import NatsServer

OURS, ANOTHERS = "night-shift", "day-shift"
shared_bridge = own_bridge(livekit_agent_name=OURS)


def bringing(server: LiveKitServer, room: str, identity: str, agent_name: str) -> str:
    """What `daredevil token --agent` makes."""
    return join_token(server.access(), room, identity, timedelta(hours=1), agent_name=agent_name)


async def served(agent: Agent, guest: Guest) -> None:
    """Wait until the session of a guest's room hears them."""
    session_id = session_of_room(await guest.room.sid)
    await facts_with(agent, session_id, e.TrackPublished)
    assert [there.identity for there in guest.agents()] == [agent_identity(session_id)]


async def test_it_comes_by_token_and_by_api_and_not_unasked(
    start_bridge: StartBridge, invite: Invite, agent: Agent, livekit_server: LiveKitServer
) -> None:
    await start_bridge()
    unasked = await invite("unasked")
    anothers = await invite("of another", jwt=bringing(livekit_server, "of another", "ada", ANOTHERS))
    by_token = await invite("by token", jwt=bringing(livekit_server, "by token", "ada", OURS))
    await served(agent, by_token)
    # The room is there already: nobody is sent by the token of who comes later.
    later = await invite("unasked", "bob", jwt=bringing(livekit_server, "unasked", "bob", OURS))
    by_api = await invite("by api")
    async with livekit_server.api() as livekit:
        await livekit.agent_dispatch.create_dispatch(api.CreateAgentDispatchRequest(agent_name=OURS, room="by api"))
        await served(agent, by_api)
        for guest in (unasked, anothers, later):
            assert not guest.agents()
            assert not await agent.facts(session_of_room(await guest.room.sid))
        await livekit.agent_dispatch.create_dispatch(api.CreateAgentDispatchRequest(agent_name=OURS, room="unasked"))
        await served(agent, unasked)


async def test_one_that_is_sent_twice_comes_once(
    start_bridge: StartBridge, invite: Invite, agent: Agent, livekit_server: LiveKitServer
) -> None:
    await start_bridge()
    ada = await invite("hall", jwt=bringing(livekit_server, "hall", "ada", OURS))
    async with livekit_server.api() as livekit:
        await livekit.agent_dispatch.create_dispatch(api.CreateAgentDispatchRequest(agent_name=OURS, room="hall"))
    await served(agent, ada)
    session_id = session_of_room(await ada.room.sid)
    facts = await agent.facts(session_id)
    assert [type(fact).__name__ for fact in facts].count("SessionOpened") == 1
    await ada.leave()
    facts = await facts_with(agent, session_id, e.SessionClosed)
    assert [type(fact).__name__ for fact in facts].count("TrackPublished") == 1


async def test_of_two_bridges_sent_to_one_room_exactly_one_speaks(
    start_bridge: StartBridge,
    invite: Invite,
    agent: Agent,
    nats_server: NatsServer,
    livekit_server: LiveKitServer,
    tmp_path: Path,
) -> None:
    await start_bridge()
    settings = bridge_settings(nats_server, livekit_server) | {"livekit_agent_name": ANOTHERS}
    async with running_bridge(tmp_path / "another.log", **settings):
        ada = await invite("both", jwt=bringing(livekit_server, "both", "ada", OURS))
        session_id = session_of_room(await ada.room.sid)
        await facts_with(agent, session_id, e.TrackPublished)
        async with livekit_server.api() as livekit:
            another = api.CreateAgentDispatchRequest(agent_name=ANOTHERS, room="both")
            await livekit.agent_dispatch.create_dispatch(another)
        await say_tones(agent, session_id, "r-1", [3])
        await one(agent, session_id, e.PlaybackFinished)
        assert len(ada.agents()) == 1
        assert len(ada.loud_at) * 0.02 < 3.3
        assert names(await agent.facts(session_id)).count("TrackPublished") == 1
