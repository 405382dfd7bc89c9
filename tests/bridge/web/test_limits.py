"""What a stranger can do to the web server with sockets: real ones, on loopback."""

import asyncio
import json
import resource
import struct
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx
import pytest
from faststream.nats import NatsBroker
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from bridge.web_server import WebServer
from infra.settings import Settings
from tests.waiting import until, until_async

pytestmark = pytest.mark.slow

HELLO = json.dumps({"type": "hello", "mic": False})
EMPTY = bytes([0x82, 0x80]) + b"\0\0\0\0"
PING = bytes([0x89, 0x80]) + b"\0\0\0\0"
CONTINUED = bytes([0x00, 0x80]) + b"\0\0\0\0"


@pytest.fixture
async def listener(broker: NatsBroker) -> AsyncIterator[WebServer]:
    listener = WebServer(broker, Settings(port=0, max_connections_per_address=110))
    await listener.open()
    yield listener
    await listener.close()


async def health(listener: WebServer) -> int:
    async with httpx.AsyncClient(timeout=20) as http:
        return (await http.get(f"http://127.0.0.1:{listener.port}/healthz")).status_code


class Raw:
    """A TCP connection by which anything can be sent."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def open(cls, port: int, sent: bytes) -> "Raw":
        raw = cls(*await asyncio.open_connection("127.0.0.1", port))
        raw.writer.write(sent)
        return raw

    @property
    def transport(self) -> asyncio.Transport:
        assert isinstance(self.writer.transport, asyncio.Transport)
        return self.writer.transport

    async def close(self) -> None:
        self.transport.abort()

    async def ended(self) -> bytes:
        """Return all that came by the end of the connection."""
        try:
            return await asyncio.wait_for(self.reader.read(), 30)
        except ConnectionError:
            return b""


@pytest.mark.parametrize("sent", [b"", b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: "])
async def test_half_open_requests_keep_nobody_out(listener: WebServer, sent: bytes) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(300):
            stack.push_async_callback((await Raw.open(listener.port, sent)).close)
        assert await health(listener) == 200


async def test_a_request_whose_head_does_not_come_is_ended(
    listener: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.web.protocols.HEADERS_S", 0.3)
    silent = await Raw.open(listener.port, b"")
    half = await Raw.open(listener.port, b"GET / HTTP/1.1\r\nHost:")
    again = await Raw.open(listener.port, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz")
    for raw in (silent, half):
        assert await raw.ended() == b""
    assert (await again.ended()).count(b"200 OK") == 1


async def test_a_body_that_does_not_come_is_refused(listener: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.http.limiting.BODY_S", 0.3)
    head = b"POST /chat HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
    answer = await (await Raw.open(listener.port, head)).ended()
    assert b" 408 " in answer
    assert b'"code":"too-slow"' in answer.replace(b" ", b"")


async def test_a_reader_who_takes_nothing_is_dropped(listener: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.web.protocols.STALLED_S", 0.2)
    get = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"
    greedy = await Raw.open(listener.port, b"")
    greedy.transport.pause_reading()
    greedy.writer.write(get * 2_000)  # more than all buffers between us take

    def has_ended() -> bool:
        greedy.writer.write(b"x")  # it is noticed by writing, as nothing is read
        return greedy.transport.is_closing()

    await until(has_ended, within_s=60)


async def test_connections_at_work_of_one_address_are_limited_and_reported(listener: WebServer) -> None:
    url = f"ws://127.0.0.1:{listener.port}/ws"
    async with AsyncExitStack() as stack:
        for _ in range(110):
            await stack.enter_async_context(connect(url))
        async with httpx.AsyncClient() as http:
            refused = await http.get(f"http://127.0.0.1:{listener.port}/healthz")
    assert refused.status_code == 503
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["code"] == "busy"
    assert refused.headers["retry-after"]
    await until_async(lambda: _is_healthy(listener), within_s=20)


async def _is_healthy(listener: WebServer) -> bool:
    return await health(listener) == 200


async def _greeted(port: int, stack: AsyncExitStack) -> ClientConnection:
    socket = await stack.enter_async_context(connect(f"ws://127.0.0.1:{port}/ws", compression=None, ping_interval=None))
    await socket.send(HELLO)
    assert json.loads(await socket.recv())["type"] == "welcome"
    return socket


async def _last_words(socket: ClientConnection) -> tuple[dict[str, str], int]:
    """Return the last message before the end, and the close code."""
    last: dict[str, str] = {}
    try:
        async with asyncio.timeout(30):
            async for message in socket:
                last = json.loads(message)
    except ConnectionClosed:
        pass
    return last, socket.close_code or 0


@pytest.mark.parametrize("frame", [EMPTY, PING, CONTINUED], ids=["empty", "ping", "continued"])
async def test_a_flood_of_frames_without_bytes_ends_only_its_own_connection(listener: WebServer, frame: bytes) -> None:
    async with AsyncExitStack() as stack:
        calm = await _greeted(listener.port, stack)
        flooding = await _greeted(listener.port, stack)
        if frame is CONTINUED:
            flooding.transport.write(bytes([0x02, 0x80]) + b"\0\0\0\0")
        flooding.transport.write(frame * 200_000)
        assert await health(listener) == 200
        last, code = await _last_words(flooding)
        assert code == 4429
        assert last["code"] == "flood"
        await calm.send(json.dumps({"type": "text", "text": "Hello."}))
        async with asyncio.timeout(20):
            while json.loads(await calm.recv()).get("name") != "TurnEnded":
                pass


async def test_sound_in_frames_of_10_ms_is_no_flood(listener: WebServer) -> None:
    async with AsyncExitStack() as stack:
        socket = await _greeted(listener.port, stack)
        for _ in range(3_000):  # half a minute that had to wait
            await socket.send(struct.pack("<160h", *[0] * 160))
        assert await (await socket.ping()) >= 0


async def test_one_address_cannot_open_sessions_without_end(
    broker: NatsBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener = WebServer(broker, Settings(port=0, max_openings_per_minute=6))
    await listener.open()
    try:
        async with AsyncExitStack() as stack:
            for _ in range(3):
                await _greeted(listener.port, stack)
            socket = await stack.enter_async_context(connect(f"ws://127.0.0.1:{listener.port}/ws"))
            await socket.send(HELLO)
            error, code = await _last_words(socket)
            assert (error["code"], code) == ("too-many-sessions", 4429)
            assert "wait 10 s" in error["message"]
            async with httpx.AsyncClient() as http:
                chat = f"http://127.0.0.1:{listener.port}/chat"
                # A made-up address does not help.
                headers = {"X-Forwarded-For": "198.51.100.1", "Forwarded": "for=198.51.100.2"}
                answer = await http.post(chat, json={"text": "Hello."}, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (429, "too-many-sessions")
            assert answer.headers["retry-after"] == "10"
    finally:
        await listener.close()


async def test_a_made_up_address_does_not_pass_the_limit_of_requests(listener: WebServer) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{listener.port}", timeout=30) as http:
        asked = (
            http.post("/chat", json={"text": " "}, headers={"X-Forwarded-For": f"198.51.100.{n}"}) for n in range(150)
        )
        codes = [answer.status_code for answer in await asyncio.gather(*asked)]
    assert 429 in codes


def test_the_descriptor_limit_is_raised_where_it_may_be() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lower = min(soft, 512)
    program = (
        "import resource; from infra.process.descriptors import raise_descriptor_limit\n"
        f"resource.setrlimit(resource.RLIMIT_NOFILE, ({lower}, {hard}))\n"
        f"print(raise_descriptor_limit({lower + 100}))"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert int(answer.stdout) == min(lower + 100, hard)
