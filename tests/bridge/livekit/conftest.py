"""A worker of the LiveKit door as a process of its own, and people in rooms of a real server."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.bridge.agent import Agent
from tests.bridge.livekit.bridge_process import BridgeProcess, bridge_settings, running_bridge
from tests.bridge.livekit.guest import Guest
from tests.bridge.livekit.shared_bridge import SharedBridge
from tests.livekit_server import LiveKitServer
from tests.servers import NatsServer

StartBridge = Callable[..., Awaitable[BridgeProcess]]
Invite = Callable[..., Awaitable[Guest]]

MAX_TEXT_BYTES = 100
"""So few that a text which is too long still fits into a call of LiveKit's."""


@pytest.fixture(scope="session")
def shared_bridge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedBridge]:
    """A bridge that modules share which take their fixtures from `shared_bridge.py`; its first test starts it."""
    shared = SharedBridge(tmp_path_factory.mktemp("shared-bridge"), max_text_bytes=MAX_TEXT_BYTES)
    yield shared
    shared.end()


@pytest.fixture
async def start_bridge(
    livekit_server: LiveKitServer, nats_server: NatsServer, tmp_path: Path
) -> AsyncIterator[StartBridge]:
    """Starts bridges with the settings given; they end with the test, and what they logged is shown if it fails."""
    async with AsyncExitStack() as stack:
        logs: list[Path] = []

        async def start(**settings: object) -> BridgeProcess:
            logs.append(tmp_path / f"bridge-{len(logs)}.log")
            common = bridge_settings(nats_server, livekit_server)
            return await stack.enter_async_context(running_bridge(logs[-1], **common | settings))

        yield start
        for log in logs:
            print(f"--- {log.name}", log.read_text(errors="replace"), sep="\n")


@pytest.fixture
def hall() -> str:
    """The room that people join unless another is named."""
    return "hall"


@pytest.fixture
async def invite(livekit_server: LiveKitServer, hall: str) -> AsyncIterator[Invite]:
    """Lets people join rooms; they are gone after the test."""
    async with AsyncExitStack() as stack:

        async def join(room: str = hall, identity: str = "ada", **options: Any) -> Guest:
            return await stack.enter_async_context(Guest.joined(livekit_server, room, identity, **options))

        yield join


@pytest.fixture
def agent(broker: object) -> Agent:
    return Agent(broker)  # type: ignore[arg-type]
