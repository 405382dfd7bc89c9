"""What a client may get wrong: each gives a clear error and leaves other sessions alone."""

import asyncio
import json
import logging
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect as plain_connect
from websockets.exceptions import InvalidStatus

from bridge.web_server import WebServer
from tests.bridge.agent import Agent
from tests.bridge.caller import Caller, wait_for
from tests.bridge.conftest import Connect, OpenDoor
from tests.waiting import until_async

pytestmark = pytest.mark.slow


async def refused(door: WebServer, *messages: str | bytes) -> tuple[dict[str, Any], int]:
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
    door: WebServer, message: str | bytes, code: str, close_code: int
) -> None:
    error, closed = await refused(door, message)
    assert (error["code"], closed) == (code, close_code)
    assert error["message"]


async def test_a_closed_session_cannot_be_resumed(connect: Connect, door: WebServer) -> None:
    caller = await connect()
    await caller.send(type="hangup")
    await caller.closed()
    error, closed = await refused(door, json.dumps({"type": "hello", "session_id": caller.session_id}))
    assert (error["code"], closed) == ("session-closed", 4410)


async def test_a_session_that_never_was_is_not_opened_for_who_only_goes_on(connect: Connect, door: WebServer) -> None:
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


LOUD = bytes(range(256)) * 250
"""2 s of sound whose frames all go by themselves: those of silence are joined."""


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
            await caller.connection.send(LOUD)
            for n in range(20):
                await caller.played("r-1", n)
        await wait_for(lambda: len(frames) == 2_500)
    assert not [message for message in caller.messages if message["type"] in ("error", "notice")]


async def test_of_far_more_than_a_stall_explains_the_surplus_is_left_out_and_reported(
    connect: Connect, agent: Agent
) -> None:
    caller = await connect()
    for _ in range(45):
        await caller.connection.send(bytes(64_000))

    async def told_of_it() -> bool:
        await caller.connection.send(bytes(640))
        return any(message.get("code") == "sound-lost" for message in caller.messages)

    await until_async(told_of_it)
    told = await caller.message("notice", code="sound-lost")
    assert 0 < told["ms"] <= 30_000  # of 90 s at once, 60 are taken, and four more a second while they come
    lost = await caller.fact("SoundLost")
    assert (lost["reason"], round(lost["lost_ms"])) == ("flood", told["ms"])
    await caller.send(type="text", text="still here")
    assert (await caller.fact("TurnEnded"))["text"] == "still here"


async def test_texts_whose_ids_differ_by_a_space_are_two(connect: Connect) -> None:
    caller = await connect()
    for n, name in enumerate(("order 1", "order 1 ", "order 1\n")):
        await caller.send(type="text", text=f"Order {n}.", id=name)
        await caller.message("taken", id=name)
    assert [turn["text"] for turn in caller.facts("TurnEnded")] == ["Order 0.", "Order 1.", "Order 2."]


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


async def test_a_page_of_another_site_is_refused(door: WebServer) -> None:
    url = f"ws://127.0.0.1:{door.port}/ws"
    with pytest.raises(InvalidStatus):
        await plain_connect(url, additional_headers={"Origin": "http://evil.example"})
    own = await plain_connect(url, additional_headers={"Origin": f"http://127.0.0.1:{door.port}"})
    await own.close()


PATHS = {
    "/chat": "POST",
    "/sessions/x/close": "POST",
    "/livekit/token": "POST",
    "/index.html": "GET, HEAD",
    "/": "GET, HEAD",
    "/sessions/x": "DELETE, GET, HEAD",
}


@pytest.mark.parametrize("path", PATHS)
async def test_a_path_says_what_can_be_done_there_also_beside_the_page(door: WebServer, path: str) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{door.port}", timeout=20) as http:
        for method in {"GET", "POST", "PUT", "OPTIONS"} - set(PATHS[path].split(", ")):
            answer = await http.request(method, path)
            assert (answer.status_code, answer.json()["code"]) == (405, "method-not-allowed"), method
            assert answer.headers["allow"] == PATHS[path]


async def test_what_is_not_there_is_not_there_for_any_method(door: WebServer) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{door.port}", timeout=20) as http:
        for method in ("GET", "HEAD", "POST", "DELETE"):
            for path in ("/nope", "/nope/%00", "/" + "a" * 5_000):
                answer = await http.request(method, path)
                assert answer.status_code == 404, (method, path)
                assert method == "HEAD" or answer.json()["code"] == "not-found"


MASK = b"\0\0\0\0"
UPGRADE = (
    b"GET %s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n%s\r\n"
)


@pytest.mark.parametrize(
    "sent",
    [
        UPGRADE % (b"/ws", b"") + b"\x81\x82" + MASK + b"\xff\xfe",
        UPGRADE % (b"/ws", b"") + b"\x01\x81" + MASK + b"\xc3\x80\x80" + MASK,
        UPGRADE % (b"/ws", b"") + b"\x81\x02hi",
        UPGRADE % (b"/ws", b"") + b"\xf1\x80" + MASK,
        UPGRADE % (b"/ws", b"") + b"\x82\xff" + (1 << 40).to_bytes(8, "big") + MASK,
        UPGRADE % (b"/ws", b"") + b"\x88\x81" + MASK + b"\x00",
        UPGRADE % (b"/ws", b"") + b"\x88\x84" + MASK + b"\x03\xe8\xff\xff",
        UPGRADE % (b"/ws", b"") + b"\x80\x81" + MASK + b"x",
        UPGRADE % (b"/ws", b"Origin: \xff\r\n"),
        UPGRADE % (b"/ws", b"Origin: http://[::1\r\n"),
        UPGRADE % (b"/ws", b"Sec-WebSocket-Protocol: \xff, ,\r\n"),
        UPGRADE % (b"/ws", b"Authorization: Bearer \xff\r\n"),
        UPGRADE % (b"/ws?token=%ff", b""),
        UPGRADE % (b"/ws\xff", b""),
        UPGRADE % (b"/chat", b""),
        UPGRADE % (b"/nope", b""),
        UPGRADE % (b"/", b""),
        (UPGRADE % (b"/ws", b"")).replace(b"AAAA==", b"AAAA"),
        (UPGRADE % (b"/ws", b"")).replace(b"Version: 13", b"Version: 7"),
        (UPGRADE % (b"/ws", b"")).replace(b"GET", b"POST"),
        b"GET /sessions/%ff HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \xff\r\nConnection: close\r\n\r\n",
        b"GET /nope%00 HTTP/1.1\r\nHost: \xff\r\nRange: bytes=\xb2-\r\nConnection: close\r\n\r\n",
        b"GET /index.html HTTP/1.1\r\nHost: x\r\nRange: bytes=9-1\r\nConnection: close\r\n\r\n",
        b"GET /index.html HTTP/1.1\r\nHost: x\r\nIf-Modified-Since: \xff\r\nConnection: close\r\n\r\n",
        b"GET http://[/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"POST /chat HTTP/1.1\r\nHost: x\r\nContent-Type: \xff\r\nConnection: close\r\n\r\n",
        b"POST /livekit/webhook HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    ],
)
async def test_nothing_that_a_stranger_sends_fills_the_log(
    door: WebServer, caplog: pytest.LogCaptureFixture, sent: bytes
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    head, end, frames = sent.partition(b"\r\n\r\n")
    writer.write(head + end)
    answer = await asyncio.wait_for(reader.readuntil(end), 20)
    writer.write(frames)
    writer.write_eof()
    await asyncio.wait_for(reader.read(), 20)
    writer.close()
    assert b" 500 " not in answer.partition(b"\r\n")[0]
    loud = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR or record.exc_info]
    assert loud == []


async def test_a_text_that_is_no_utf8_closes_with_1007(connect: Connect) -> None:
    caller = await connect()
    await caller.connection.send(b"\xff\xfe", text=True)
    assert await caller.closed() == 1007
