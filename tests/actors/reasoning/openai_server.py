"""A chat server with OpenAI's protocol on loopback that misbehaves as a test tells it: real bytes for real clients."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

Step = str | dict[str, Any] | bytes | Callable[["Line"], Awaitable[None]]
"""A text (sent in pieces of 4 characters), a delta, bytes as they are, or what else to do with the line."""


@dataclass
class Line:
    """The server's side of one request."""

    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        self.writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        await self.writer.drain()

    async def event(self, value: object) -> None:
        await self.send(b"data: " + (value if isinstance(value, bytes) else json.dumps(value).encode()) + b"\n\n")


def delta(finish: str | None = None, **fields: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": fields, "finish_reason": finish}
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "stub", "choices": [choice]}


def call(arguments: str, name: str = "current_time", call_id: str | None = "call_a", index: int = 0) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return delta(tool_calls=[{"index": index, "id": call_id, "type": "function", "function": function}])


async def abort(line: Line) -> None:
    """Break the connection."""
    line.writer.transport.abort()


async def half_close(line: Line) -> None:
    """End the answer as if all had been said, without a reason and without [DONE]."""
    await line.send(b"")


async def hang(line: Line) -> None:
    await asyncio.Event().wait()


def ended(finish: str) -> list[Step]:
    return [delta(finish), b"data: [DONE]\n\n", half_close]


def refused(status: str, message: str, **fields: Any) -> Callable[[Line], Awaitable[None]]:
    """Answer with an error instead of a stream; it has to be the only step."""
    body = json.dumps({"error": {"message": message, **fields}}).encode()

    async def refuse(line: Line) -> None:
        head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        line.writer.write(head.encode() + body)
        await line.writer.drain()

    refuse.is_whole = True  # type: ignore[attr-defined]
    return refuse


@dataclass
class OpenAIServer:
    """Each request plays the next script, the last one again and again; `asked` has the requests' bodies."""

    scripts: list[Sequence[Step]]
    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
                body = await reader.readexactly(int(lengths[0].split(b":")[1])) if lengths else b"{}"
                self.asked.append(json.loads(body))
                script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
                await self._play(script, Line(writer))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _play(self, script: Sequence[Step], line: Line) -> None:
        if not getattr(script[0], "is_whole", False):
            line.writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
            )
        for step in script:
            if isinstance(step, str):
                for at in range(0, len(step), 4):
                    await line.event(delta(content=step[at : at + 4]))
            elif isinstance(step, dict):
                await line.event(step)
            elif isinstance(step, bytes):
                await line.send(step)
            else:
                await step(line)


@asynccontextmanager
async def openai_server(*scripts: Sequence[Step]) -> AsyncIterator[OpenAIServer]:
    playing = OpenAIServer(list(scripts))
    tasks: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.create_task(playing.serve(reader, writer)))

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    playing.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield playing
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        with contextlib.suppress(Exception):
            await asyncio.gather(*tasks, return_exceptions=True)
