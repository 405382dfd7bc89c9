"""Throw-away until branch `server` brings tests/livekit_server.py."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import yaml

from infra.embedded.nats import free_port, wait_for_port

BINARY = Path.home() / ".cache/daredevil/livekit-server"


class LiveKitServer:
    def __init__(self, directory: Path) -> None:
        self.api_key, self.api_secret = "devkey", "secret-at-least-32-characters-long-0001"
        self.port = free_port()
        self.url = f"ws://127.0.0.1:{self.port}"
        self._log = directory / "livekit.log"
        self._config = directory / "livekit.yaml"
        rtc = {"tcp_port": free_port(), "udp_port": free_port(), "node_ip": "127.0.0.1", "use_external_ip": False}
        rtc |= {"enable_loopback_candidate": True, "stun_servers": ["127.0.0.1:3478"]}
        config = {
            "port": self.port,
            "bind_addresses": ["127.0.0.1"],
            "rtc": rtc,
            "keys": {self.api_key: self.api_secret},
        }
        config["room"] = {"auto_create": True, "empty_timeout": 30, "departure_timeout": 5}
        self._config.write_text(yaml.safe_dump(config))
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen([BINARY, "--config", self._config], stdout=log, stderr=log)
        await wait_for_port(self.port)

    async def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            await asyncio.to_thread(self._process.wait, 10)


@asynccontextmanager
async def running(directory: Path) -> AsyncIterator[LiveKitServer]:
    server = LiveKitServer(directory)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


@pytest.fixture
async def livekit_server(tmp_path: Path) -> AsyncIterator[LiveKitServer]:
    async with running(tmp_path) as server:
        yield server
