"""A room of a real LiveKit server as a session, with the actors behind the door played by the test."""

from contracts import events as e
from infra.livekit.naming import session_of_room
from tests.bridge.agent import Agent
from tests.bridge.livekit.conftest import Invite, StartBridge
from tests.bridge.livekit.session_log import facts_with, names
from tests.bridge.livekit.shared_bridge import *  # noqa: F403 (its fixtures)
from tests.speech import recorded
from tests.waiting import until

OPENING = ["SessionOpened", "ParticipantJoined", "ParticipantJoined", "TrackPublished"]


async def test_a_room_with_a_person_is_a_session(start_bridge: StartBridge, invite: Invite, agent: Agent) -> None:
    await start_bridge()
    ada = await invite(identity="Ada", name="Ada L.")
    session_id = session_of_room(await ada.room.sid)

    facts = await facts_with(agent, session_id, e.TrackPublished)
    joined = [fact for fact in facts if isinstance(fact, e.ParticipantJoined)]
    assert [fact.kind for fact in joined] == ["agent", "person"]
    assert joined[1].name == "Ada L."
    async with agent.hearing(session_id, joined[1].participant_id) as frames:
        await ada.say(recorded("hello"))
        await until(lambda: len(frames) > 60)
    ends = [frame.first_sample + len(frame.pcm) // 2 for frame in frames]
    assert [frame.first_sample for frame in frames[1:]] == ends[:-1]
    await ada.leave()
    facts = await facts_with(agent, session_id, e.SessionClosed)
    assert names(facts) == [*OPENING, "TrackUnpublished", "ParticipantLeft", "SessionClosed"]
