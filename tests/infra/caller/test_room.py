import asyncio

import numpy as np
import pytest
from faststream.nats import NatsBroker
from livekit import api

from infra.caller import CallFailed, CallResult, ScriptedUtterance, Sound
from infra.caller.room import Admission, minted, place_room_call
from infra.settings import settings
from tests.infra.caller.room_agent import room_agent
from tests.livekit_server import LiveKitServer


def words(seconds: float = 0.5, rate_hz: int = 16_000) -> Sound:
    loud = 6000 * np.sin(np.arange(round(seconds * rate_hz)) * 0.2)
    return Sound(loud.astype(np.int16), rate_hz)


def admission(room: str) -> Admission:
    return minted(settings(), room, "ada")


async def call(room: str, *steps: ScriptedUtterance, timeout_s: float = 10) -> CallResult:
    return await place_room_call(admission(room), steps, answer_timeout_s=timeout_s, agent_timeout_s=timeout_s)


async def test_says_a_recording_in_a_room_and_returns_the_answer_with_its_gap(
    broker: NatsBroker, livekit_server: LiveKitServer
) -> None:
    async with room_agent(broker, livekit_server, "plain") as agent:
        result = await call("plain", ScriptedUtterance(words()))
    assert agent.callers == ["ada"]
    assert result.session_id == "lk-plain"
    (turn,) = result.turns
    assert (turn.text, turn.reply_text, turn.heard_text) == ("Hello there.", "Hi!", "Hi!")
    assert turn.log_gap_ms == sum(turn.parts.values())
    # 200 ms of silence and 40 ms at the reply's begin, and twice through the network; the rest is a busy machine's.
    assert turn.gap_ms is not None
    assert 240 <= turn.gap_ms < 900
    (reply,) = result.replies
    # 0.4 s were said; the jitter buffer of a busy machine stretches it.
    assert 0.3 < reply.played_samples / 24_000 < 1
    assert not reply.stopped
    assert 0 < result.connect_s < 5


async def test_the_answer_is_laid_out_in_the_callers_time(broker: NatsBroker, livekit_server: LiveKitServer) -> None:
    async with room_agent(broker, livekit_server, "line"):
        result = await call("line", ScriptedUtterance(words()))
    started_s = result.replies[0].started_at_s
    assert started_s is not None
    onset = int(np.flatnonzero(np.abs(result.answer.samples) > 256)[0])
    assert onset / result.answer.rate_hz == pytest.approx(started_s, abs=0.11)
    assert result.answer.seconds == pytest.approx(result.seconds, abs=0.001)


async def test_says_the_next_recording_when_the_answer_has_ended(
    broker: NatsBroker, livekit_server: LiveKitServer
) -> None:
    async with room_agent(broker, livekit_server, "two"):
        result = await call("two", ScriptedUtterance(words()), ScriptedUtterance(words(0.5, 22_050)))
    assert [turn.turn_id for turn in result.turns] == ["t0", "t1"]
    first, second = result.replies
    assert first.started_at_s is not None
    assert second.started_at_s is not None
    assert first.started_at_s + 0.4 < result.said[1].start_s < second.started_at_s


async def test_the_greeting_is_heard_first(broker: NatsBroker, livekit_server: LiveKitServer) -> None:
    async with room_agent(broker, livekit_server, "hi", greeting="Hello!"):
        result = await call("hi", ScriptedUtterance(words()))
    greeting, answer = result.replies
    assert greeting.turn_id == "greeting"
    assert greeting.started_at_s is not None
    assert greeting.started_at_s + 0.4 < result.said[0].start_s
    assert answer.turn_id == "t0"


async def test_talks_over_a_reply_when_asked_to(broker: NatsBroker, livekit_server: LiveKitServer) -> None:
    async with room_agent(broker, livekit_server, "barge", reply_s=3):
        barge = ScriptedUtterance(words(), after_reply_ms=300)
        result = await call("barge", ScriptedUtterance(words()), barge)
    reply = result.replies[0]
    assert reply.stopped
    assert reply.started_at_s is not None
    # Not 0.3 to the millisecond: a sound is dated by its frame's arrival, and frames that were late come in a burst.
    assert 0.2 < result.said[1].start_s - reply.started_at_s < 1
    assert reply.played_samples / 24_000 < 2


async def test_a_room_without_an_agent_is_a_clear_error(broker: NatsBroker, livekit_server: LiveKitServer) -> None:
    with pytest.raises(CallFailed, match="no agent joined the room within 1 s"):
        await call("empty", ScriptedUtterance(words()), timeout_s=1)


async def test_an_agent_that_does_not_answer_is_a_clear_error_with_what_there_was(
    broker: NatsBroker, livekit_server: LiveKitServer
) -> None:
    async with room_agent(broker, livekit_server, "mute") as agent:
        agent.mute = True
        with pytest.raises(CallFailed, match="waiting for the end of the turn") as failed:
            await call("mute", ScriptedUtterance(words()), timeout_s=2)
    assert failed.value.result is not None
    assert failed.value.result.session_id == "lk-mute"
    assert len(failed.value.result.said) == 1


async def test_a_room_that_is_closed_during_the_call_is_a_clear_error(
    broker: NatsBroker, livekit_server: LiveKitServer
) -> None:
    async with room_agent(broker, livekit_server, "closed"):

        def close(name: str, _data: object) -> None:
            if name == "SpeechStarted":
                closing.append(asyncio.create_task(delete()))

        async def delete() -> None:
            async with livekit_server.api() as livekit:
                await livekit.room.delete_room(api.DeleteRoomRequest(room="closed"))

        closing: list[asyncio.Task[None]] = []
        with pytest.raises(
            CallFailed, match="the caller was disconnected from the room before the call had ended: ROOM_DELETED"
        ):
            await place_room_call(admission("closed"), [ScriptedUtterance(words(2))], on_fact=close)


@pytest.mark.parametrize("token", ["", "forged"])
async def test_a_token_that_does_not_open_the_room_is_a_clear_error(
    broker: NatsBroker, livekit_server: LiveKitServer, token: str
) -> None:
    with pytest.raises(CallFailed, match="cannot be joined"):
        await place_room_call(Admission(livekit_server.url, token), [ScriptedUtterance(words())])
