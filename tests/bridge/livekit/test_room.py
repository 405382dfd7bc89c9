"""A room of a real LiveKit server as a session, with the actors behind the door played by the test."""

from bridge.livekit.naming import session_of_room
from contracts import events as e
from tests.bridge.agent import Agent
from tests.bridge.livekit.conftest import Invite, StartBridge
from tests.speech import recorded
from tests.waiting import until_async

OPENING = ["SessionOpened", "ParticipantJoined", "ParticipantJoined", "TrackPublished"]


def names(facts: list[e.Event]) -> list[str]:
    return [type(fact).__name__ for fact in facts]


async def closed(agent: Agent, session_id: str) -> list[e.Event]:
    async def is_closed() -> bool:
        return "SessionClosed" in names(await agent.facts(session_id))

    await until_async(is_closed, 20)
    return await agent.facts(session_id)


async def test_a_room_with_a_person_is_a_session(start_bridge: StartBridge, invite: Invite, agent: Agent) -> None:
    await start_bridge()
    ada = await invite(identity="Ada", name="Ada L.")
    session_id = session_of_room(await ada.room.sid)

    async def opened() -> bool:
        return len(await agent.facts(session_id)) >= 4

    await until_async(opened)
    async with agent.hearing(session_id, "ada-e9f2") as _:
        await ada.say(recorded("hello"))
    await ada.leave()
    facts = await closed(agent, session_id)
    assert names(facts) == [*OPENING, "TrackUnpublished", "ParticipantLeft", "SessionClosed"]
