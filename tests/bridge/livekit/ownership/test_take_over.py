"""A bridge that ends: another goes on in the same session as the same agent."""

import asyncio
import signal

from contracts import events as e
from tests.bridge.agent import Agent
from tests.bridge.livekit.conftest import Invite, StartBridge
from tests.bridge.livekit.session_log import facts_with, held_by, names, one, pid_of, talking
from tests.bridge.livekit.voice import say_tones, saying_again
from tests.waiting import until


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


async def test_a_bridge_with_time_to_drain_keeps_its_room_to_its_end_and_takes_no_other(
    start_bridge: StartBridge, invite: Invite, agent: Agent
) -> None:
    first = await start_bridge(drain_s=100)
    ada, session_id = await talking(invite, agent)
    pid = await pid_of(agent, session_id)
    await start_bridge()
    first.process.send_signal(signal.SIGTERM)
    await until(lambda: "told to end" in first.log())
    _, other_session = await talking(invite, agent, "elsewhere", "bob")
    assert await pid_of(agent, other_session) != pid
    await say_tones(agent, session_id, "r-1", [1])
    await one(agent, session_id, e.PlaybackFinished)
    assert await pid_of(agent, session_id) == pid
    assert first.is_running()
    await ada.leave()
    await facts_with(agent, session_id, e.SessionClosed)
    assert await asyncio.to_thread(first.process.wait, 60) == 0
    assert "SessionClosed" not in names(await agent.facts(other_session))
