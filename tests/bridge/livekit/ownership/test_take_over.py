"""A bridge that ends, or is not alone: another goes on in the same session as the same agent, and only one speaks."""

from contracts import events as e
from tests.bridge.agent import Agent
from tests.bridge.livekit.conftest import Invite, StartBridge
from tests.bridge.livekit.session_log import held_by, names, one, pid_of, talking
from tests.bridge.livekit.voice import say_tones, saying_again


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
