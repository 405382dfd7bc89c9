"""A room's session runs again over the tapes that its job has written to the stream JOURNAL."""

import asyncio

from contracts import events as e
from infra.livekit.naming import session_of_room
from infra.log.connection import connection
from infra.replay.recorded_session import recorded_session
from infra.replay.registry import ACTORS
from infra.replay.session_tapes import session_tapes
from infra.replay.verify import verify
from tests.bridge.agent import Agent
from tests.bridge.livekit.conftest import Invite, StartBridge
from tests.bridge.livekit.session_log import facts_with, names
from tests.bridge.livekit.shared_bridge import *  # noqa: F403 (its fixtures)
from tests.waiting import until, until_async


async def test_what_a_room_heard_comes_out_again_with_its_times(
    start_bridge: StartBridge, invite: Invite, agent: Agent
) -> None:
    await start_bridge()
    ada = await invite(identity="ada", mic=False)
    session_id = session_of_room(await ada.room.sid)
    await until(lambda: ada.states[-1:] == ["listening"])
    await agent.reply(session_id, "r-1")
    await facts_with(agent, session_id, e.PlaybackFinished)
    await agent.reply(session_id, "r-2", "turn-2")
    await facts_with(agent, session_id, e.PlaybackStarted, count=2)
    await agent.append(e.TurnInterrupted, session_id, participant_id="ada", reply_id="r-2", turn_id="turn-3")
    await facts_with(agent, session_id, e.PlaybackInterrupted)
    await ada.leave()
    facts = await facts_with(agent, session_id, e.SessionClosed)
    nc = connection(agent.broker)
    played = sum(name.startswith("Playback") for name in names(facts))

    async def is_verified() -> bool:
        """Return whether all that was played came out as it was, once the job has written the end of its tape."""
        session, tapes = await recorded_session(nc, session_id), await session_tapes(nc, session_id)
        found = await asyncio.to_thread(verify, session, tapes, ACTORS)
        assert found.differences == []
        assert found.errors == []
        return found.same >= played

    await until_async(is_verified)
    assert played >= 4
