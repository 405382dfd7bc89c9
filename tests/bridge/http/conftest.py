"""The HTTP door on a real log, over a real socket."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import httpx
import pytest
from faststream.nats import NatsBroker

from bridge.web_server import WebServer
from infra.settings import Settings

OpenHttp = Callable[..., Awaitable[httpx.AsyncClient]]
KEY = "a-key-for-tests"
ADMIN = {"Authorization": f"Bearer {KEY}"}


@pytest.fixture
async def open_http(broker: NatsBroker) -> AsyncIterator[OpenHttp]:
    """Opens HTTP doors with settings of one's own, and returns a client of each."""
    async with AsyncExitStack() as stack:

        async def open_http(**changes: object) -> httpx.AsyncClient:
            settings = Settings.model_validate({"port": 0, "admin_key": KEY, "llm": "scripted:model"} | changes)
            listener = WebServer(broker, settings, page=False)
            await listener.open()
            stack.push_async_callback(listener.close)
            client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{listener.port}", timeout=20)
            return await stack.enter_async_context(client)

        yield open_http


@pytest.fixture
async def http(open_http: OpenHttp) -> httpx.AsyncClient:
    return await open_http()
