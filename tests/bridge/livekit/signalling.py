"""A way to a LiveKit server that can be cut or slow: the signalling goes through it, the media go past it."""

import asyncio
import base64
import gzip
import urllib.parse
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from livekit.protocol.rtc import JoinRequest, WrappedJoinRequest

from tests.livekit_server import LiveKitServer

HEAD_BYTES = 64_000
JOIN, RESUME = "join", "resume"


class SignallingProxy:
    """Hands on TCP connections to a server; those of people and agents in rooms are known by their path."""

    def __init__(self, server: LiveKitServer) -> None:
        self.came: list[str] = []
        """How they came into their rooms, in this order: `join` or `resume`."""
        self.refuses_resumes = False
        self.delay_s = 0.0
        """How long what they tell the server is on its way."""
        self._to = server.ports.http
        self._in_rooms: set[asyncio.StreamWriter] = set()
        self._listening: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._listening = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=HEAD_BYTES)

    @property
    def url(self) -> str:
        assert self._listening is not None
        return f"ws://127.0.0.1:{self._listening.sockets[0].getsockname()[1]}"

    def cut(self) -> None:
        """Break the connections of all who are in rooms; they may come again at once."""
        assert self._in_rooms
        for writer in list(self._in_rooms):
            writer.transport.abort()

    async def close(self) -> None:
        assert self._listening is not None
        self._listening.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            how = how_it_comes(head.split(b"\r\n")[0].decode())
            if how:
                self.came.append(how)
                if self.refuses_resumes and how == RESUME:
                    return
                self._in_rooms.add(writer)
            await self._hand_on(head, reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # one of the two is gone, or the proxy is closed; asyncio's server would log it
        finally:
            self._in_rooms.discard(writer)
            self._tasks.discard(task)
            writer.close()

    async def _hand_on(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._to)
        server_writer.write(head)
        copying = [
            asyncio.create_task(_copy(reader, server_writer, lambda: self.delay_s)),
            asyncio.create_task(_copy(server_reader, writer)),
        ]
        try:
            await asyncio.wait(copying, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in copying:
                task.cancel()
            await asyncio.gather(*copying, return_exceptions=True)
            server_writer.close()


def how_it_comes(request_line: str) -> str:
    """Return JOIN or RESUME for a request line of a connection into a room, else nothing."""
    url = urllib.parse.urlsplit(request_line.split(" ")[1])
    query = urllib.parse.parse_qs(url.query)
    if url.path == "/rtc":
        return RESUME if query.get("reconnect") == ["1"] else JOIN
    if url.path == "/rtc/v1":
        (packed,) = query["join_request"]
        wrapped = WrappedJoinRequest.FromString(base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)))
        is_gzip = wrapped.compression == WrappedJoinRequest.Compression.GZIP
        request = gzip.decompress(wrapped.join_request) if is_gzip else wrapped.join_request
        return RESUME if JoinRequest.FromString(request).reconnect else JOIN
    return ""


async def _copy(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay_s: Callable[[], float] = lambda: 0
) -> None:
    while data := await reader.read(HEAD_BYTES):
        if late_s := delay_s():
            await asyncio.sleep(late_s)
        writer.write(data)
        await writer.drain()


@asynccontextmanager
async def running_proxy(server: LiveKitServer) -> AsyncIterator[SignallingProxy]:
    proxy = SignallingProxy(server)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.close()
