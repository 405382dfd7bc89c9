"""A worker of the LiveKit door as a process of its own, and people in rooms of a real server."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.bridge.agent import Agent
from tests.bridge.livekit.guest import Guest
from tests.livekit_server import LiveKitServer
from tests.servers import NatsServer


class BridgeProcess:
    """`faststream run bridge.livekit:app`."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self.process = process
        self.log_path = log

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    async def registered(self) -> None:
        """Wait until LiveKit gives it jobs, and a process is warm for the first."""
        async with asyncio.timeout(100):
            while "takes rooms" not in self.log():
                assert self.process.returncode is None, self.log()
                await asyncio.sleep(0.05)

    async def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self.process.returncode is None:
            self.process.send_signal(how)
            await asyncio.wait_for(self.process.wait(), 30)

    async def die(self) -> None:
        """Be killed with all its jobs, as by a machine that goes down."""
        parent = psutil.Process(self.process.pid)
        for process in (parent, *parent.children(recursive=True)):
            process.kill()
        await asyncio.wait_for(self.process.wait(), 30)


StartBridge = Callable[..., Awaitable[BridgeProcess]]
Invite = Callable[..., Awaitable[Guest]]


@asynccontextmanager
async def running_bridge(log: Path, **settings: object) -> AsyncIterator[BridgeProcess]:
    env = os.environ | {f"DAREDEVIL_{name.upper()}": str(value) for name, value in settings.items()}
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "faststream", "run", "bridge.livekit:app", env=env, stdout=output, stderr=output
        )
    bridge = BridgeProcess(process, log)
    try:
        await bridge.registered()
        yield bridge
    finally:
        await bridge.stop()


@pytest.fixture
async def start_bridge(
    livekit_server: LiveKitServer, nats_server: NatsServer, tmp_path: Path
) -> AsyncIterator[StartBridge]:
    """Starts bridges with the settings given; they end with the test, and what they logged is shown if it fails."""
    async with AsyncExitStack() as stack:
        logs: list[Path] = []

        async def start(**settings: object) -> BridgeProcess:
            logs.append(tmp_path / f"bridge-{len(logs)}.log")
            common = {
                "nats_url": nats_server.url,
                "livekit_url": livekit_server.url,
                "livekit_api_key": livekit_server.api_key,
                "livekit_api_secret": livekit_server.api_secret,
                "room_empty_s": 1,
            }
            return await stack.enter_async_context(running_bridge(logs[-1], **common | settings))

        yield start
        for log in logs:
            print(f"--- {log.name}", log.read_text(errors="replace"), sep="\n")


@pytest.fixture
async def invite(livekit_server: LiveKitServer) -> AsyncIterator[Invite]:
    """Lets people join rooms; they are gone after the test."""
    async with AsyncExitStack() as stack:

        async def join(room: str = "hall", identity: str = "ada", **options: Any) -> Guest:
            return await stack.enter_async_context(Guest.joined(livekit_server, room, identity, **options))

        yield join


@pytest.fixture
def agent(broker: object) -> Agent:
    return Agent(broker)  # type: ignore[arg-type]
