"""A room for which no worker has room is told why nobody talks, and ends."""

import pytest
from faststream.nats import NatsBroker
from nats.aio.msg import Msg

from bridge.call import admission
from bridge.livekit import worker
from bridge.livekit.worker import Worker
from contracts import events as e
from contracts.topology import BRIDGE_LIVEKIT
from infra.livekit.naming import session_of_room
from infra.log.connection import connection
from infra.log.copy_load import has_room
from infra.log.event_log import append
from infra.settings import Settings
from infra.tape.untaped import Untaped
from tests.bridge.agent import Agent
from tests.bridge.livekit.conftest import Invite, StartBridge
from tests.bridge.livekit.guest import Guest
from tests.contracts.samples import sample
from tests.waiting import until


async def fill(broker: NatsBroker) -> None:
    late = sample(e.PlaybackStarted).model_copy(update={"parts": e.LatencyParts(stt_ms=2_000)})
    for n in range(3):
        await append(broker, late.model_copy(update={"session_id": f"s-{n}", "event_id": f"late-{n}"}))


async def refusal(guest: Guest) -> str:
    """Return why the agent of a guest's room does not talk; the room ends then."""
    told: set[str] = set()

    def note() -> bool:
        told.update(each.attributes.get("daredevil.error", "") for each in guest.room.remote_participants.values())
        return any(told)

    await until(note)
    await until(lambda: not guest.room.isconnected())
    return max(told)


async def test_a_room_is_told_that_its_agent_is_away(
    start_bridge: StartBridge, invite: Invite, agent: Agent, broker: NatsBroker
) -> None:
    await start_bridge(opening_patience_s=0.1)
    guest = await invite("hall")
    session_id = session_of_room(await guest.room.sid)
    assert "not-available: no conversation is possible now: no answer comes from: transcript" in await refusal(guest)
    assert not await agent.facts(session_id)


async def test_a_full_worker_that_is_alone_tells_a_room_why_nobody_talks(
    start_bridge: StartBridge, invite: Invite, agent: Agent, broker: NatsBroker
) -> None:
    bridge = await start_bridge(overload_answer_ms=500)
    await fill(broker)
    await until(lambda: "new sessions are refused: its answers come late" in bridge.log())
    guest = await invite("hall")
    assert "busy: there is no room for another call now" in await refusal(guest)


async def test_a_full_worker_leaves_rooms_to_one_that_has_room(
    broker: NatsBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "LOOK_S", 0.05)
    monkeypatch.setattr(worker, "LOOK_FOR_ROOM_S", 0.05)
    config = Settings(
        livekit_url="ws://127.0.0.1:1", livekit_api_key="k", livekit_api_secret="s" * 32, overload_answer_ms=500
    )
    full = Worker(broker, Untaped(), config)
    await full.watch()
    assert not full.is_full
    await fill(broker)
    await until(lambda: full.is_full)

    others = {"b": b"1"}

    async def answer(message: Msg) -> None:
        await message.respond(b"b " + others["b"])

    await connection(broker).subscribe("load.bridge-livekit", cb=answer)
    # A room that nobody takes would stay silent.
    assert not full.hands_on
    others["b"] = b"0"
    await until(lambda: full.hands_on)
    others["b"] = b"1"
    await until(lambda: not full.hands_on)
    await full.stop_watching()


async def test_rooms_that_begin_at_once_are_taken_as_far_as_they_are_known_to_fit(
    broker: NatsBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = Settings(
        livekit_url="ws://127.0.0.1:1", livekit_api_key="k", livekit_api_secret="s" * 32, overload_answer_ms=500
    )
    taking = Worker(broker, Untaped(), config)
    monkeypatch.setattr(taking._admission._newcomers, "cores", 1.0)
    await taking.watch()
    nc = connection(broker)
    for n in range(3):
        assert await has_room(nc, BRIDGE_LIVEKIT, f"s-{n}")
    assert taking.is_full  # other workers are to take the next ones
    assert await has_room(nc, BRIDGE_LIVEKIT, "s-3") is False
    assert await has_room(nc, BRIDGE_LIVEKIT, "s-2")  # asked again: it has been taken
    await taking.stop_watching()
