"""Pulsar's admin API when it answers badly."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from projections.pulsar.admin import AdminApi, AdminProblem


@asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[AdminApi]:
    """Run an API that says these bytes to whoever asks, and hangs up."""

    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(say, "127.0.0.1", 0)
    async with server:
        yield AdminApi(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[",
        b"HTTP/1.1 500 Sorry\r\nContent-Length: 100\r\n\r\nno",
        b"SMTP ready\r\n\r\n",
    ],
    ids=["nothing", "half an answer", "half a refusal", "something else"],
)
async def test_an_answer_that_breaks_off_is_a_problem_with_words(answer: bytes) -> None:
    async with answering(answer) as api:
        with pytest.raises(AdminProblem, match=r"admin API at http://127.0.0.1:\d+/admin/v2 does not answer: .+"):
            await asyncio.to_thread(api.get, "/clusters")


async def test_what_is_refused_is_reported_with_the_reason() -> None:
    async with answering(b"HTTP/1.1 500 Sorry\r\nContent-Length: 8\r\n\r\nno space") as api:
        with pytest.raises(AdminProblem, match="refuses GET /clusters: 500 no space"):
            await asyncio.to_thread(api.get, "/clusters")


async def test_what_is_there_already_is_no_problem() -> None:
    async with answering(b"HTTP/1.1 409 Conflict\r\nContent-Length: 0\r\n\r\n") as api:
        await asyncio.to_thread(api.make, "/tenants/ours", None)
