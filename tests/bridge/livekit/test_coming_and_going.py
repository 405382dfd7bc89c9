"""People and agents that come, go and are thrown out, and people who may not come."""

import asyncio
from datetime import timedelta

import psutil
import pytest
from livekit import api, rtc

from bridge.call.session_state import session_state_of
from contracts import events as e
from tests.bridge.agent import Agent
from tests.bridge.livekit.conftest import Invite, StartBridge
from tests.bridge.livekit.guest import Guest, token
from tests.bridge.livekit.session_log import facts_with, names, one, reason_of_end, talking
from tests.bridge.livekit.shared_bridge import *  # noqa: F403 (its fixtures)
from tests.bridge.livekit.voice import say_tones
from tests.livekit_server import LiveKitServer
from tests.waiting import until, until_async


async def alone(agent: Agent, session_id: str, participant_id: str) -> None:
    """Wait until nobody else is in the session."""

    async def is_alone() -> bool:
        people = session_state_of(await agent.facts(session_id)).people
        return [person for person, _ in people] == [participant_id]

    await until_async(is_alone)


async def test_a_room_deleted_in_mid_word_ends_its_session_with_what_was_heard(
    start_bridge: StartBridge, invite: Invite, agent: Agent, livekit_server: LiveKitServer, hall: str
) -> None:
    await start_bridge()
    ada, session_id = await talking(invite, agent)
    await say_tones(agent, session_id, "r-1", [3])
    await ada.hears()
    await until(lambda: len(ada.loud_at) > 60)
    async with livekit_server.api() as livekit:
        await livekit.room.delete_room(api.DeleteRoomRequest(room=hall))
    facts = await facts_with(agent, session_id, e.SessionClosed)
    assert reason_of_end(facts) == "room-deleted"
    (interrupted,) = [fact for fact in facts if isinstance(fact, e.PlaybackInterrupted)]
    assert interrupted.heard_text in ("w0 w1", "w0 w1 w2")
    assert names(facts).count("TrackUnpublished") == 1


async def test_an_agent_that_is_removed_ends_the_session(
    start_bridge: StartBridge, invite: Invite, agent: Agent, livekit_server: LiveKitServer, hall: str
) -> None:
    await start_bridge()
    ada, session_id = await talking(invite, agent)
    (there,) = ada.agents()
    async with livekit_server.api() as livekit:
        await livekit.room.remove_participant(api.RoomParticipantIdentity(room=hall, identity=there.identity))
    assert reason_of_end(await facts_with(agent, session_id, e.SessionClosed)) == "agent-removed"


@pytest.mark.parametrize("times", [8, pytest.param(100, marks=pytest.mark.nightly)])
async def test_who_comes_and_goes_again_and_again_has_joined_and_left_as_often(
    start_bridge: StartBridge, invite: Invite, agent: Agent, livekit_server: LiveKitServer, hall: str, times: int
) -> None:
    bridge = await start_bridge()
    ada, session_id = await talking(invite, agent)

    def sees(sid: str) -> bool:
        return sid in (person.sid for person in ada.room.remote_participants.values())

    for _ in range(times):
        async with Guest.joined(livekit_server, hall, "bob", mic=False) as bob:
            # LiveKit tells nobody of a person who has left before it would have told of their coming.
            await until(lambda sid=bob.room.local_participant.sid: sees(sid))  # type: ignore[misc]
    await say_tones(agent, session_id, "r-1", [1])
    await one(agent, session_id, e.PlaybackFinished)
    await alone(agent, session_id, "ada")
    facts = await agent.facts(session_id)
    theirs = [f for f in facts if isinstance(f, e.ParticipantJoined | e.ParticipantLeft) and f.participant_id == "bob"]
    assert names(theirs) == ["ParticipantJoined", "ParticipantLeft"] * times
    await until(lambda: len(psutil.Process(bridge.process.pid).children(recursive=True)) < 8)


async def test_wrong_tokens_open_no_room(start_bridge: StartBridge, livekit_server: LiveKitServer, hall: str) -> None:
    await start_bridge()
    wrong = {
        "expired": token(livekit_server, hall, "eve", ttl=timedelta(seconds=-600)),
        "forged": token(livekit_server, hall, "eve", secret="x" * 40),
        "of another key": token(livekit_server, hall, "eve", key="nobody"),
        "no token": "x.y.z",
    }
    for kind, bad in wrong.items():
        room = rtc.Room()
        with pytest.raises(rtc.ConnectError):
            await asyncio.wait_for(room.connect(livekit_server.url, bad), 20)
        assert not room.isconnected(), kind
    async with livekit_server.api() as livekit:
        assert not (await livekit.room.list_rooms(api.ListRoomsRequest(names=[hall]))).rooms
