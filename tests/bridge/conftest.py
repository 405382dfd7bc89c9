"""A door on a real log, clients that talk to it, and an agent played by the test."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
from faststream.nats import NatsBroker

from bridge.web_server import WebServer
from infra.settings import Settings
from tests.bridge.agent import Agent
from tests.bridge.caller import Caller

OpenDoor = Callable[..., Awaitable[WebServer]]
Connect = Callable[..., Awaitable[Caller]]


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
