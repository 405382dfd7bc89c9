"""What a client may get wrong: each gives a clear error and leaves other sessions alone."""

import asyncio
import json
from typing import Any

import pytest
from websockets.asyncio.client import connect as plain_connect
from websockets.exceptions import InvalidStatus

from bridge.site import Listener
from tests.bridge.agent import Agent
from tests.bridge.caller import Caller, wait_for
from tests.bridge.conftest import Connect, OpenDoor


async def refused(door: Listener, *messages: str | bytes) -> tuple[dict[str, Any], int]:
    async with Caller.connected(door.port) as caller:
        for message in messages:
            await caller.connection.send(message)
        return await caller.message("error"), await caller.closed()


@pytest.mark.parametrize(
    ("message", "code", "close_code"),
    [
        ("not json", "bad-hello", 4400),
        ("[1]", "bad-hello", 4400),
        ('{"type":"text","text":"hi"}', "bad-hello", 4400),
        ('{"type":"hello","sample_rate_hz":4000}', "bad-hello", 4400),
        ('{"type":"hello","sample_rate_hz":"fast"}', "bad-hello", 4400),
        (bytes(640), "bad-hello", 4400),
        ('{"type":"hello","session_id":"a.b"}', "bad-session-id", 4400),
        ('{"type":"hello","session_id":">"}', "bad-session-id", 4400),
        ('{"type":"hello","session_id":"' + "x" * 65 + '"}', "bad-session-id", 4400),
    ],
)
async def test_a_greeting_that_cannot_be_taken_closes(
    door: Listener, message: str | bytes, code: str, close_code: int
) -> None:
    error, closed = await refused(door, message)
    assert (error["code"], closed) == (code, close_code)
    assert error["message"]


async def test_a_closed_session_cannot_be_resumed(connect: Connect, door: Listener) -> None:
    caller = await connect()
    await caller.send(type="hangup")
    await caller.closed()
    error, closed = await refused(door, json.dumps({"type": "hello", "session_id": caller.session_id}))
    assert (error["code"], closed) == ("session-closed", 4410)


async def test_a_session_that_never_was_is_not_opened_for_who_only_goes_on(connect: Connect, door: Listener) -> None:
    hello = {"type": "hello", "session_id": "never-was", "only_resume": True}
    error, closed = await refused(door, json.dumps(hello))
    assert (error["code"], closed) == ("session-unknown", 4410)
    first = await connect(session_id="never-was")  # nothing was begun in its name
    assert first.session_id == "never-was"


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("{", "bad-json"),
        ("[" * 100_000, "bad-json"),
        ('{"type":"sing"}', "unknown-type"),
        ('{"type":["text"]}', "unknown-type"),
        ('{"type":"text"}', "bad-field"),
        ('{"type":"played","reply_id":"r","samples":-1}', "bad-field"),
        ('{"type":"played","reply_id":"r","samples":1e300}', "bad-field"),
        ('{"type":"hello"}', "unexpected-hello"),
        ('{"type":"text","text":"  \\u0000"}', "text-empty"),
        (json.dumps({"type": "text", "text": "word " * 20_000}), "text-too-long"),
        (bytes(641), "bad-audio"),
        (bytes(64_002), "bad-audio"),
    ],
)
async def test_a_message_that_cannot_be_taken_is_answered_and_the_call_goes_on(
    connect: Connect, message: str | bytes, code: str
) -> None:
    caller = await connect()
    await caller.connection.send(message)
    assert (await caller.message("error"))["code"] == code
    await caller.send(type="text", text="still here")
    assert (await caller.fact("TurnEnded"))["text"] == "still here"


async def test_endless_rubbish_closes_that_connection_only(connect: Connect) -> None:
    bad, good = await connect(), await connect()
    for _ in range(30):
        await bad.connection.send("rubbish")
    assert await bad.closed() == 4400
    await good.send(type="text", text="hi")
    await good.fact("TurnEnded")


async def test_a_flood_of_sound_closes_that_connection_only(connect: Connect) -> None:
    bad, good = await connect(), await connect()
    for _ in range(70):
        await bad.connection.send(bytes(64_000))
    assert await bad.closed() == 4429
    assert bad.messages[-1]["code"] == "flood"
    await bad.message("notice", code="sound-lost")
    await good.send(type="text", text="hi")
    await good.fact("TurnEnded")


async def test_what_a_stall_held_back_may_come_at_once(connect: Connect, agent: Agent) -> None:
    caller = await connect()
    async with agent.hearing(caller.session_id) as frames:
        for _ in range(25):
            await caller.connection.send(bytes(64_000))
            for n in range(20):
                await caller.played("r-1", n)
        await wait_for(lambda: len(frames) == 2_500)
    assert not [message for message in caller.messages if message["type"] in ("error", "notice")]


async def test_of_far_more_than_a_stall_explains_the_surplus_is_left_out_and_told(
    connect: Connect, agent: Agent
) -> None:
    caller = await connect()
    for _ in range(35):
        await caller.connection.send(bytes(64_000))
    await asyncio.sleep(1.1)  # until it is calm
    await caller.connection.send(bytes(640))
    told = await caller.message("notice", code="sound-lost")
    assert 8_000 <= told["ms"] <= 10_000
    lost = await caller.fact("SoundLost")
    assert (lost["reason"], round(lost["lost_ms"])) == ("flood", told["ms"])
    await caller.send(type="text", text="still here")
    assert (await caller.fact("TurnEnded"))["text"] == "still here"


async def test_more_sessions_than_allowed_are_refused(open_door: OpenDoor, connect: Connect) -> None:
    door = await open_door(max_sessions=1)
    await connect(door)
    error, closed = await refused(door, '{"type":"hello"}')
    assert (error["code"], closed) == ("busy", 4429)


async def test_counts_of_unknown_replies_and_absurd_counts_change_nothing(connect: Connect, agent: Agent) -> None:
    caller = await connect()
    await caller.played("nobody", 100, started=True)
    await agent.reply(caller.session_id, "r-1")
    await caller.message("reply_end")
    await caller.played("r-1", 2**50, started=True, ended=True)
    assert (await caller.fact("PlaybackFinished"))["played_samples"] == 24_000
    assert not caller.facts("PlaybackInterrupted")


async def test_a_page_of_another_site_is_refused(door: Listener) -> None:
    url = f"ws://127.0.0.1:{door.port}/ws"
    with pytest.raises(InvalidStatus):
        await plain_connect(url, additional_headers={"Origin": "http://evil.example"})
    own = await plain_connect(url, additional_headers={"Origin": f"http://127.0.0.1:{door.port}"})
    await own.close()
