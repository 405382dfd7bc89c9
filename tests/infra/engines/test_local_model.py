"""Whether the local model's server is there: ours, one that still loads, and one that knows no `/health`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from infra.engines.local_model import is_there
from infra.settings import Settings


@asynccontextmanager
async def server(status_line: str) -> AsyncIterator[str]:
    """Serve one answer to all requests; yield the server's address."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {status_line}\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as listening:
        host, port = listening.sockets[0].getsockname()
        yield f"http://{host}:{port}"


@pytest.mark.parametrize(
    ("status_line", "there"),
    [("200 OK", True), ("404 Not Found", True), ("401 Unauthorized", True), ("503 Service Unavailable", False)],
)
async def test_a_server_is_there_unless_it_says_that_it_cannot_serve(status_line: str, there: bool) -> None:
    async with server(status_line) as url:
        assert await is_there(Settings(llm_url=url), 5) is there
        assert await is_there(Settings(llm_url=f"{url}/v1"), 5) is there


async def test_a_server_that_does_not_answer_is_not_there() -> None:
    async with server("200 OK") as url:
        pass
    assert not await is_there(Settings(llm_url=url), 5)
