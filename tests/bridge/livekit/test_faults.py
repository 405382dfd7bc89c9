"""Rooms, servers and people that go away in the middle: each has a clear outcome in the log."""

import asyncio
import time
from datetime import timedelta

import psutil
import pytest
from livekit import api, rtc

from bridge.call.session_state import session_state_of
from contracts import events as e
from infra.livekit.naming import agent_identity, session_of_room
from tests.bridge.agent import Agent
from tests.bridge.livekit.conftest import Invite, StartBridge
from tests.bridge.livekit.guest import Guest, token
from tests.bridge.livekit.session_log import facts_with, names, one
from tests.bridge.livekit.voice import say_tones, saying_again
from tests.livekit_server import LiveKitServer
from tests.servers import NatsServer
from tests.waiting import until, until_async

OUTAGE_S = 20


async def talking(invite: Invite, agent: Agent) -> tuple[Guest, str]:
    guest = await invite()
    session_id = session_of_room(await guest.room.sid)
    await facts_with(agent, session_id, e.TrackPublished)
    return guest, session_id


def reason_of_end(facts: list[e.Event]) -> str:
    (closed,) = [fact for fact in facts if isinstance(fact, e.SessionClosed)]
    return closed.reason


async def test_a_room_deleted_in_mid_word_ends_its_session_with_what_was_heard(
    start_bridge: StartBridge, invite: Invite, agent: Agent, livekit_server: LiveKitServer
) -> None:
    await start_bridge()
    ada, session_id = await talking(invite, agent)
    await say_tones(agent, session_id, "r-1", [3])
    await ada.hears()
    await until(lambda: len(ada.loud_at) > 60)
    async with livekit_server.api() as livekit:
        await livekit.room.delete_room(api.DeleteRoomRequest(room="hall"))
    facts = await facts_with(agent, session_id, e.SessionClosed)
    assert reason_of_end(facts) == "room-deleted"
    (interrupted,) = [fact for fact in facts if isinstance(fact, e.PlaybackInterrupted)]
    assert interrupted.heard_text in ("w0 w1", "w0 w1 w2")
    assert names(facts).count("TrackUnpublished") == 1


async def test_an_agent_that_is_removed_ends_the_session(
    start_bridge: StartBridge, invite: Invite, agent: Agent, livekit_server: LiveKitServer
) -> None:
    await start_bridge()
    ada, session_id = await talking(invite, agent)
    (there,) = ada.agents()
    async with livekit_server.api() as livekit:
        await livekit.room.remove_participant(api.RoomParticipantIdentity(room="hall", identity=there.identity))
    assert reason_of_end(await facts_with(agent, session_id, e.SessionClosed)) == "agent-removed"


async def test_after_a_restart_of_livekit_the_session_is_ended_and_a_new_room_served(
    start_bridge: StartBridge, invite: Invite, agent: Agent, livekit_server: LiveKitServer
) -> None:
    await start_bridge()
    _, session_id = await talking(invite, agent)
    await livekit_server.restart()
    facts = await facts_with(agent, session_id, e.SessionClosed, within_s=60)
    assert reason_of_end(facts) == "room-gone"
    bob = await invite("hall", "bob")
    anew = session_of_room(await bob.room.sid)
    assert anew != session_id
    await facts_with(agent, anew, e.TrackPublished, within_s=60)
    await until(lambda: [p.identity for p in bob.agents()] == [agent_identity(anew)])
    await say_tones(agent, anew, "r-1", [1])
    await bob.hears()


async def alone(agent: Agent, session_id: str, participant_id: str) -> None:
    """Wait until nobody else is in the session."""

    async def is_alone() -> bool:
        people = session_state_of(await agent.facts(session_id)).people
        return [person for person, _ in people] == [participant_id]

    await until_async(is_alone)


async def test_twenty_seconds_without_nats_are_survived(
    start_bridge: StartBridge, invite: Invite, agent: Agent, nats_server: NatsServer
) -> None:
    bridge = await start_bridge()
    ada, session_id = await talking(invite, agent)
    async with saying_again(agent, session_id):
        text = await say_tones(agent, session_id, "r-1", [2])
        await ada.hears()
        await nats_server.stop()
        gone_at = time.monotonic()
        await until(lambda: time.monotonic() - gone_at > OUTAGE_S, OUTAGE_S + 5)
        heard_s = len(ada.loud_at) * 0.02
        await nats_server.start()
        finished = await one(agent, session_id, e.PlaybackFinished, within_s=30)
        assert isinstance(finished, e.PlaybackFinished)
        assert finished.heard_text == text
        await say_tones(agent, session_id, "r-2", [2])
        await facts_with(agent, session_id, e.PlaybackFinished, count=2)
    assert heard_s > 1.8
    assert "its job is gone" not in bridge.log()
    facts = await agent.facts(session_id)
    assert "SessionClosed" not in names(facts)
    assert names(facts).count("TrackPublished") == 1


@pytest.mark.parametrize("times", [20, pytest.param(100, marks=pytest.mark.nightly)])
async def test_coming_and_going_a_hundred_times_in_a_minute(
    start_bridge: StartBridge, invite: Invite, agent: Agent, livekit_server: LiveKitServer, times: int
) -> None:
    bridge = await start_bridge()
    _, session_id = await talking(invite, agent)
    began = time.monotonic()
    for _ in range(times):
        async with Guest.joined(livekit_server, "hall", "bob", mic=False):
            pass
    print(times, "times in", round(time.monotonic() - began, 1), "s")
    await say_tones(agent, session_id, "r-1", [1])
    await one(agent, session_id, e.PlaybackFinished)
    await alone(agent, session_id, "ada")
    facts = await agent.facts(session_id)
    theirs = [f for f in facts if isinstance(f, e.ParticipantJoined | e.ParticipantLeft) and f.participant_id == "bob"]
    kinds = names(theirs)
    assert kinds[::2] == ["ParticipantJoined"] * (len(kinds) // 2)
    assert kinds[1::2] == ["ParticipantLeft"] * (len(kinds) // 2)
    assert len(kinds) >= 1.9 * times
    assert len(psutil.Process(bridge.process.pid).children(recursive=True)) < 8


async def test_wrong_tokens_open_no_room(
    start_bridge: StartBridge, agent: Agent, livekit_server: LiveKitServer
) -> None:
    bridge = await start_bridge()
    wrong = {
        "expired": token(livekit_server, "hall", "eve", ttl=timedelta(seconds=-600)),
        "forged": token(livekit_server, "hall", "eve", secret="x" * 40),
        "of another key": token(livekit_server, "hall", "eve", key="nobody"),
        "no token": "x.y.z",
    }
    for kind, bad in wrong.items():
        room = rtc.Room()
        with pytest.raises(rtc.ConnectError):
            await asyncio.wait_for(room.connect(livekit_server.url, bad), 20)
        assert not room.isconnected(), kind
    async with livekit_server.api() as livekit:
        assert not (await livekit.room.list_rooms(api.ListRoomsRequest())).rooms
    assert "session" not in bridge.log()
