"""A real LiveKit server for tests: on free ports and a temporary folder, ended by who started it.

Any test may use the fixture `livekit_server`; `running_livekit` is for those that want a webhook. Without a binary the
tests are skipped, and fail under DAREDEVIL_REQUIRE_ALL=1.
"""

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from livekit.api import AccessToken, LiveKitAPI, VideoGrants

from infra.livekit.access import LiveKitAccess
from infra.livekit.key import LiveKitKey
from infra.process.http_status import http_status
from infra.settings import settings
from infra.system.livekit import (
    LiveKitMissing,
    LiveKitPorts,
    free_livekit_ports,
    livekit_server_path,
    write_livekit_config,
)
from infra.system.processes import dying_with_parent

START_TIMEOUT_S = 20
KEY = LiveKitKey("testkey", "a-secret-for-tests-of-40-characters-0001")


class LiveKitServer:
    """A LiveKit server that a test may kill and start again on the same ports and keys; it dies with this process.

    Its rooms are gone with it: it keeps nothing. `webhook_url` is told what happens, signed with the API key.
    """

    def __init__(self, directory: Path, webhook_url: str = "") -> None:
        self.binary = livekit_server_path(os.environ.get("DAREDEVIL_LIVEKIT_SERVER", ""))
        self.ports: LiveKitPorts = free_livekit_ports()
        self.url = self.ports.url
        self.http_url = f"http://127.0.0.1:{self.ports.http}"
        self.api_key, self.api_secret = KEY.key, KEY.secret
        self.log = directory / "livekit.log"
        self._config = write_livekit_config(directory, self.ports, KEY, webhook_url)
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Start it and wait until it answers."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                dying_with_parent(str(self.binary), "--config", str(self._config)),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        async with asyncio.timeout(START_TIMEOUT_S):
            while await http_status(f"{self.http_url}/") != 200:
                assert self._process.poll() is None, f"livekit-server ended:\n{self.log.read_text()[-2000:]}"
                await asyncio.sleep(0.02)

    async def stop(self, how: signal.Signals = signal.SIGKILL) -> None:
        """End it. By SIGTERM it would wait for everybody to leave their room first."""
        if self._process is not None:
            os.kill(self._process.pid, how)
            await asyncio.wait_for(asyncio.to_thread(self._process.wait), 20)
            self._process = None

    def kill(self) -> None:
        """End it at once, outside of any event loop."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    async def restart(self, how: signal.Signals = signal.SIGKILL) -> None:
        """End it and start it again: everybody is thrown out, every room is gone."""
        await self.stop(how)
        await self.start()

    def api(self) -> LiveKitAPI:
        """A client of its API, to be closed by `async with`."""
        return LiveKitAPI(self.url, self.api_key, self.api_secret)

    def access(self) -> LiveKitAccess:
        """What the settings' URL, key and secret of it come to."""
        return LiveKitAccess(self.url, self.api_key, self.api_secret, self.url)

    def token(self, room: str, identity: str, grants: VideoGrants | None = None, ttl_s: float = 600) -> str:
        """A join token, with everything allowed unless `grants` says otherwise."""
        token = AccessToken(self.api_key, self.api_secret).with_identity(identity).with_ttl(timedelta(seconds=ttl_s))
        return token.with_grants(grants or VideoGrants(room_join=True, room=room)).to_jwt()


@asynccontextmanager
async def running_livekit(directory: Path, webhook_url: str = "") -> AsyncIterator[LiveKitServer]:
    """Run a server for a block; skips the test where there is no binary."""
    try:
        server = LiveKitServer(directory, webhook_url)
    except LiveKitMissing as problem:
        pytest.skip(str(problem))
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


@pytest.fixture
async def livekit_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LiveKitServer]:
    """A LiveKit server of this test's own, which the settings point to."""
    async with running_livekit(tmp_path / "livekit") as server:
        monkeypatch.setenv("DAREDEVIL_LIVEKIT_URL", server.url)
        monkeypatch.setenv("DAREDEVIL_LIVEKIT_API_KEY", server.api_key)
        monkeypatch.setenv("DAREDEVIL_LIVEKIT_API_SECRET", server.api_secret)
        settings.cache_clear()
        yield server
    settings.cache_clear()
