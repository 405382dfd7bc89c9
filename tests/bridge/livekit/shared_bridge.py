"""One bridge with its servers for many tests: a bridge takes seconds to start, a room only a moment.

A module for which that will do imports `nats_server`, `livekit_server`, `start_bridge` and `hall` from here, which take
the place of those of `conftest.py`. Each test has a room, and so a session, of its own. A module whose tests restart
servers, or want other settings, has a bridge for itself: `shared_bridge = own_bridge(…)`. Only a test that ends bridges
needs `conftest.py`'s.
"""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.settings import settings
from infra.system.livekit import LiveKitMissing
from tests.bridge.livekit.bridge_process import BridgeProcess, bridge_settings
from tests.livekit_server import LiveKitServer
from tests.servers import NatsServer

__all__ = ["bridge", "hall", "livekit_server", "nats_server", "start_bridge"]


class SharedBridge:
    """Servers and a bridge that are left running for the next test."""

    def __init__(self, directory: Path, **settings: object) -> None:
        self._directory = directory
        self._settings = settings
        self._nats: NatsServer | None = None
        self._livekit: LiveKitServer | None = None
        self._bridge: BridgeProcess | None = None

    async def servers(self) -> tuple[NatsServer, LiveKitServer]:
        """Return the running servers. Raises LiveKitMissing."""
        if self._livekit is None or self._nats is None:
            self._livekit = LiveKitServer(self._directory / "livekit")
            self._nats = NatsServer(self._directory / "nats")
            await self._livekit.start()
            await self._nats.start()
        return self._nats, self._livekit

    async def bridge(self) -> BridgeProcess:
        """Return the bridge, started again if a test has lost it."""
        nats, livekit = await self.servers()
        if self._bridge is None or not self._bridge.is_running():
            log = self._directory / f"bridge-{secrets.token_hex(4)}.log"
            self._bridge = BridgeProcess(log, **bridge_settings(nats, livekit), **self._settings)
        await self._bridge.registered()
        return self._bridge

    def end(self) -> None:
        """End what runs."""
        if self._bridge is not None and self._bridge.is_running():
            self._bridge.kill_all()
            self._bridge.process.wait()
        for server in (self._livekit, self._nats):
            if server is not None:
                server.kill()


def own_bridge(**settings: object) -> Any:
    """Return the fixture `shared_bridge` of a module for which the bridge of all others will not do."""

    @pytest.fixture(scope="module")
    def shared_bridge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedBridge]:
        shared = SharedBridge(tmp_path_factory.mktemp("own-bridge"), **settings)
        yield shared
        shared.end()

    return shared_bridge


@pytest.fixture
async def bridge(shared_bridge: SharedBridge) -> AsyncIterator[BridgeProcess]:
    """The shared bridge; what it logs in a test is shown if the test fails."""
    try:
        bridge = await shared_bridge.bridge()
    except LiveKitMissing as problem:
        pytest.skip(str(problem))
    before = len(bridge.log())
    yield bridge
    print(f"--- {bridge.log_path.name}", bridge.log()[before:], sep="\n")


@pytest.fixture
async def nats_server(
    bridge: BridgeProcess, shared_bridge: SharedBridge, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[NatsServer]:
    """The shared bridge's NATS server, which the settings point to."""
    nats, _ = await shared_bridge.servers()
    monkeypatch.setenv("DAREDEVIL_NATS_URL", nats.url)
    settings.cache_clear()
    yield nats
    settings.cache_clear()


@pytest.fixture
async def livekit_server(bridge: BridgeProcess, shared_bridge: SharedBridge) -> LiveKitServer:
    """The shared bridge's LiveKit server."""
    return (await shared_bridge.servers())[1]


@pytest.fixture
def start_bridge(bridge: BridgeProcess) -> Callable[[], Awaitable[BridgeProcess]]:
    """Returns the shared bridge, which has been started."""

    async def start() -> BridgeProcess:
        return bridge

    return start


@pytest.fixture
def hall() -> str:
    """A room that no test before had."""
    return f"hall-{secrets.token_hex(4)}"
