"""What people send in a room counts when it is stored: the bridge is killed right after, and it is stored once."""

import asyncio
import json
import os
import signal

import pytest
from faststream.nats import NatsBroker
from livekit import rtc

from bridge.livekit.requests import DTMF_METHOD, LATER, REFUSED, TEXT_METHOD
from contracts import events as e
from contracts.topology import hangup_subject
from infra.livekit.naming import session_of_room
from infra.log.connection import connection
from tests.bridge.agent import Agent
from tests.bridge.livekit.conftest import Invite, StartBridge
from tests.bridge.livekit.guest import Guest
from tests.bridge.livekit.keeping import ask_until_stored, write_until_taken
from tests.bridge.livekit.session_log import facts_with, holding_of, names, pid_of
from tests.bridge.livekit.shared_bridge import *  # noqa: F403 (its fixtures)
from tests.bridge.livekit.voice import say_tones
from tests.waiting import until, until_async

KILLED_AFTER_MS = [(30,), pytest.param((0, 60, 100, 150), marks=pytest.mark.nightly)]


async def in_a_room(invite: Invite, agent: Agent) -> tuple[Guest, str]:
    ada = await invite()
    session_id = session_of_room(await ada.room.sid)
    await facts_with(agent, session_id, e.TrackPublished)
    await until(lambda: ada.states[-1:] == ["listening"])
    return ada, session_id


async def killed(agent: Agent, session_id: str, after_ms: int) -> None:
    """Kill the room's job so long after now, and wait until another has the room."""
    pid = await pid_of(agent, session_id)
    await asyncio.sleep(after_ms / 1000)
    os.kill(pid, signal.SIGKILL)

    async def another_has_it() -> bool:
        holding = await holding_of(agent, session_id)
        return holding.state == "held" and f"/{pid}/" not in holding.owner

    await until_async(another_has_it, 20, "another job")


@pytest.mark.parametrize("killed_after_ms", KILLED_AFTER_MS)
async def test_text_is_stored_once_whenever_the_bridge_is_killed_after_it(
    start_bridge: StartBridge, invite: Invite, agent: Agent, killed_after_ms: tuple[int, ...]
) -> None:
    await start_bridge()
    ada, session_id = await in_a_room(invite, agent)
    for after_ms in killed_after_ms:
        asking = asyncio.create_task(ask_until_stored(ada, TEXT_METHOD, id=f"t-{after_ms}", text=f"Text {after_ms}"))
        await killed(agent, session_id, after_ms)
        print("killed after", after_ms, "ms: asked", await asyncio.wait_for(asking, 60), "times")
    turns = [fact.text for fact in await agent.facts(session_id) if isinstance(fact, e.TurnEnded)]
    assert turns == [f"Text {after_ms}" for after_ms in killed_after_ms]


async def test_text_typed_over_a_reply_is_stored_once_though_the_bridge_is_killed(
    start_bridge: StartBridge, invite: Invite, agent: Agent
) -> None:
    await start_bridge()
    ada, session_id = await in_a_room(invite, agent)
    await say_tones(agent, session_id, "r-1", [5])
    await ada.hears()
    await facts_with(agent, session_id, e.PlaybackStarted)  # what was not stored yet nobody would know of
    asking = asyncio.create_task(ask_until_stored(ada, TEXT_METHOD, id="t", text="Stop."))
    await killed(agent, session_id, 30)
    await asyncio.wait_for(asking, 60)
    facts = await facts_with(agent, session_id, e.PlaybackInterrupted)
    assert [names(facts).count(name) for name in ("TurnInterrupted", "TurnEnded", "PlaybackInterrupted")] == [1, 1, 1]


@pytest.mark.parametrize("killed_after_ms", [(30,), pytest.param((30, 100), marks=pytest.mark.nightly)])
async def test_what_components_write_is_stored_once_though_the_bridge_is_killed(
    start_bridge: StartBridge, invite: Invite, agent: Agent, killed_after_ms: tuple[int, ...]
) -> None:
    await start_bridge()
    ada, session_id = await in_a_room(invite, agent)
    for after_ms in killed_after_ms:
        writing = asyncio.create_task(write_until_taken(ada, f"Text {after_ms}", f"w-{after_ms}"))
        await killed(agent, session_id, after_ms)
        print("killed after", after_ms, "ms: written", await asyncio.wait_for(writing, 60), "times")
    turns = [fact.text for fact in await agent.facts(session_id) if isinstance(fact, e.TurnEnded)]
    assert turns == [f"Text {after_ms}" for after_ms in killed_after_ms]


async def test_keys_are_stored_once_whenever_the_bridge_is_killed_after_them(
    start_bridge: StartBridge, invite: Invite, agent: Agent
) -> None:
    await start_bridge()
    ada, session_id = await in_a_room(invite, agent)
    pressed = ("12", "*", "#9A")
    for after_ms, digits in zip((0, 30, 100), pressed, strict=True):
        asking = asyncio.create_task(ask_until_stored(ada, DTMF_METHOD, id=f"k-{after_ms}", digits=digits))
        await killed(agent, session_id, after_ms)
        await asyncio.wait_for(asking, 60)
    keys = [fact for fact in await agent.facts(session_id) if isinstance(fact, e.DtmfReceived)]
    assert "".join(key.digit for key in keys) == "".join(pressed)
    assert [key.code for key in keys] == [1, 2, 10, 11, 9, 12]
    assert {key.participant_id for key in keys} == {"ada"}


async def test_who_leaves_as_the_bridge_dies_has_left_and_the_session_ends(
    start_bridge: StartBridge, invite: Invite, agent: Agent
) -> None:
    await start_bridge()
    ada, session_id = await in_a_room(invite, agent)
    pid = await pid_of(agent, session_id)
    await ada.leave()
    await asyncio.sleep(0.03)
    os.kill(pid, signal.SIGKILL)
    facts = await facts_with(agent, session_id, e.SessionClosed, within_s=30)
    assert [names(facts).count(name) for name in ("ParticipantLeft", "SessionClosed")] == [1, 1]


async def test_a_hang_up_asked_for_on_the_bus_is_answered_once_it_is_stored(
    start_bridge: StartBridge, invite: Invite, agent: Agent, broker: NatsBroker
) -> None:
    await start_bridge()
    _, session_id = await in_a_room(invite, agent)
    answer = await connection(broker).request(hangup_subject(session_id), b"", timeout=10)
    assert answer.data == b""
    assert names(await agent.facts(session_id))[-1] == "SessionClosed"


async def test_what_will_never_be_taken_is_refused_for_good(
    start_bridge: StartBridge, invite: Invite, agent: Agent
) -> None:
    await start_bridge()
    ada, _ = await in_a_room(invite, agent)
    for method, fields, code in (
        (TEXT_METHOD, {"id": "a", "text": "x" * 200}, "text-too-long"),
        (TEXT_METHOD, {"id": "a", "text": " "}, "text-empty"),
        (TEXT_METHOD, {"text": "Hello"}, "bad-field"),
        (TEXT_METHOD, {"id": "x" * 65, "text": "Hello"}, "bad-field"),
        (DTMF_METHOD, {"id": "a", "digits": "12E"}, "bad-field"),
        (DTMF_METHOD, {"id": "a"}, "bad-field"),
    ):
        with pytest.raises(rtc.RpcError) as refused:
            await ask_until_stored(ada, method, **fields)
        assert (refused.value.code, json.loads(str(refused.value.data))) == (REFUSED, {"code": code}), fields


async def test_who_asks_too_often_is_told_to_come_later(
    start_bridge: StartBridge, invite: Invite, agent: Agent
) -> None:
    await start_bridge()
    ada, session_id = await in_a_room(invite, agent)
    (there,) = ada.agents()

    async def ask(n: int) -> int:
        payload = json.dumps({"id": f"t-{n}", "text": f"Text {n}"})
        try:
            await ada.room.local_participant.perform_rpc(
                destination_identity=there.identity, method=TEXT_METHOD, payload=payload
            )
        except rtc.RpcError as error:
            return error.code
        return 0

    codes = await asyncio.gather(*(ask(n) for n in range(30)))
    assert set(codes) == {0, LATER}
    assert names(await agent.facts(session_id)).count("TurnEnded") == codes.count(0)
