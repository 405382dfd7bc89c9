"""A bridge that ends: another goes on in the same session as the same agent."""

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
