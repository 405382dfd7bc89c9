"""Who is in which session."""

import time
from typing import Any

from faststream.nats import NatsBroker

from contracts import events as e
from infra.log.connection import connection
from infra.log.event_log import append, facts_after
from infra.memory.presence import PresenceBoard, Present, present, who_is_where
from tests.actors.reasoning.facts import fact, opened
from tests.servers import NatsServer


def now(event: e.Event, session_id: str = "s-1") -> Any:
    return event.model_copy(
        update={"session_id": session_id, "time_ns": time.time_ns(), "event_id": f"{session_id}-{event.event_id}"}
    )


OPENED = opened()
SAM = fact(e.ParticipantJoined, "sam-in", participant_id="caller")
AGENT = fact(e.ParticipantJoined, "agent-in", participant_id="agent", kind="agent")
LEFT = fact(e.ParticipantLeft, "sam-out", participant_id="caller")
CLOSED = fact(e.SessionClosed, "closed", reason="hangup")


def board(broker: NatsBroker) -> PresenceBoard:
    async def facts_of(session_id: str) -> list[e.Event]:
        return [found.event for found in await facts_after(broker, session_id)]

    return PresenceBoard(lambda: connection(broker), facts_of)


async def tell(broker: NatsBroker, presence: PresenceBoard, *events: e.Event) -> None:
    for event in events:
        await append(broker, event)
        await presence.take(event)


def test_who_has_left_is_not_there_and_nobody_is_in_a_closed_session() -> None:
    caller, agent = Present("caller", "person", "u", 1_000), Present("agent", "agent", "", 1_000)
    assert present([OPENED, SAM, AGENT]) == (caller, agent)
    assert present([OPENED, SAM, AGENT, LEFT]) == (agent,)
    assert present([OPENED, SAM, AGENT, CLOSED]) == ()


async def test_it_follows_the_facts(broker: NatsBroker) -> None:
    assert await who_is_where(connection(broker)) == {}
    presence = board(broker)
    for session_id in ("s-1", "s-2"):
        await tell(broker, presence, *(now(event, session_id) for event in (OPENED, SAM, AGENT)))
    await tell(broker, presence, now(LEFT, "s-1"), now(CLOSED, "s-2"))
    found = await who_is_where(connection(broker))
    assert {session_id: [one.participant_id for one in here] for session_id, here in found.items()} == {
        "s-1": ["agent"]
    }


async def test_what_is_told_late_says_nothing_about_now(broker: NatsBroker) -> None:
    await tell(broker, board(broker), OPENED, SAM)
    assert await who_is_where(connection(broker)) == {}


async def test_the_next_fact_brings_it_back_after_the_server_has_restarted(
    broker: NatsBroker, nats_server: NatsServer
) -> None:
    presence = board(broker)
    await tell(broker, presence, now(OPENED), now(SAM))
    await nats_server.stop()
    await nats_server.start()
    ended = now(fact(e.TurnEnded, "turn", participant_id="caller", text="Hi."))
    await tell(broker, board(broker), ended)
    assert [one.user_id for one in (await who_is_where(connection(broker)))["s-1"]] == ["u"]
