"""A door on a real log, clients that talk to it, and an agent played by the test."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
import uvicorn.server
from faststream.nats import NatsBroker

from bridge.web_server import WebServer
from infra.settings import Settings
from tests.bridge.agent import Agent
from tests.bridge.caller import Caller

OpenDoor = Callable[..., Awaitable[WebServer]]
Connect = Callable[..., Awaitable[Caller]]


class QuickAsyncio:
    """asyncio, whose `sleep` takes a tenth of the time."""

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / 10)


@pytest.fixture(scope="session", autouse=True)
def quick_uvicorn() -> Iterator[None]:
    """Have uvicorn look every 10 ms whether it is to end, and wait so long when it does; else it is 100 ms each."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(uvicorn.server, "asyncio", QuickAsyncio())
        yield


@pytest.fixture
async def open_door(broker: NatsBroker) -> AsyncIterator[OpenDoor]:
    """Opens doors with settings of one's own; they are closed after the test."""
    listeners: list[WebServer] = []

    async def open_door(**changes: object) -> WebServer:
        listener = WebServer(broker, Settings.model_validate({"port": 0, "reconnect_grace_s": 5} | changes))
        listeners.append(listener)
        await listener.open()
        return listener

    yield open_door
    for listener in listeners:
        await listener.close()


@pytest.fixture
async def door(open_door: OpenDoor) -> WebServer:
    return await open_door()


@pytest.fixture
async def connect(door: WebServer) -> AsyncIterator[Connect]:
    """Connects callers to the door, or to another one; they are gone after the test."""
    async with AsyncExitStack() as stack:

        async def connect(to: WebServer = door, **hello: object) -> Caller:
            caller = await stack.enter_async_context(Caller.connected(to.port))
            await caller.hello(**hello)
            return caller

        yield connect


@pytest.fixture
def agent(broker: NatsBroker) -> Agent:
    return Agent(broker)
