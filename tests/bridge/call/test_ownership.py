"""Calls that a door left open when it died."""

from typing import Any

from faststream.nats import NatsBroker

from bridge.call.session_events import joined, published, session_opened
from contracts import events as e
from infra.log.event_log import append, now_ns
from infra.settings import Settings
from tests.bridge.agent import Agent
from tests.bridge.conftest import Connect, OpenDoor
from tests.waiting import until_async


def closed(facts: list[e.Event]) -> list[e.SessionClosed]:
    return [fact for fact in facts if isinstance(fact, e.SessionClosed)]


async def ended(agent: Agent, session_id: str) -> bool:
    return bool(closed(await agent.facts(session_id)))


async def left_behind(broker: NatsBroker, session_id: str, door: str = "websocket") -> None:
    """Say what a call has said by the time its door is killed, in the middle of a reply."""
    reply: dict[str, Any] = {"session_id": session_id, "time_ns": now_ns(), "turn_id": "t", "reply_id": "r"}
    for event in (
        session_opened(session_id, door, "sam", Settings(), now_ns()),
        joined(session_id, "caller", "person", "", now_ns()),
        published(session_id, f"{session_id}-mic", "caller", now_ns()),
        e.ReplyStarted(event_id=f"{session_id}-1", text="Hello?", **reply),
        e.ReplyClauseWritten(event_id=f"{session_id}-2", index=0, text="Hello to you.", **reply),
        e.PlaybackStarted(event_id=f"{session_id}-3", **reply),
    ):
        await append(broker, event)


async def test_a_call_whose_door_died_is_ended_if_nobody_comes_back(
    broker: NatsBroker, open_door: OpenDoor, agent: Agent
) -> None:
    await left_behind(broker, "left")
    await open_door(reconnect_grace_s=0.1)
    await until_async(lambda: ended(agent, "left"))
    facts = await agent.facts("left")
    assert [type(fact).__name__ for fact in facts[6:]] == [
        "TrackUnpublished", "PlaybackInterrupted", "ParticipantLeft", "SessionClosed",
    ]  # fmt: skip
    assert closed(facts)[0].reason == "vanished"


async def test_a_call_that_somebody_holds_and_those_of_other_doors_are_let_be(
    broker: NatsBroker, open_door: OpenDoor, connect: Connect, agent: Agent
) -> None:
    caller = await connect()
    await left_behind(broker, "room", door="livekit")
    await left_behind(broker, "left")
    await open_door(reconnect_grace_s=0.1)
    await until_async(lambda: ended(agent, "left"))
    assert not closed(await agent.facts(caller.session_id))
    assert not closed(await agent.facts("room"))
