"""An agent with a name comes into the rooms to which it is sent, by token or by API, and into no others."""

from datetime import timedelta

from livekit import api

from contracts import events as e
from infra.livekit.naming import agent_identity, session_of_room
from infra.livekit.tokens import join_token
from tests.bridge.agent import Agent
from tests.bridge.livekit.conftest import Invite, StartBridge
from tests.bridge.livekit.guest import Guest
from tests.bridge.livekit.session_log import facts_with
from tests.bridge.livekit.shared_bridge import *  # noqa: F403 (its fixtures)
from tests.bridge.livekit.shared_bridge import own_bridge
from tests.livekit_server import LiveKitServer

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
