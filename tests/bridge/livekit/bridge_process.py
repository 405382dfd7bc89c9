"""A worker of the LiveKit door as a process of its own."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import psutil

from infra.system.processes import dying_with_parent
from tests.bridge.livekit.forked_bridges import Process, fork_server
from tests.livekit_server import LiveKitServer
from tests.servers import NatsServer

END_TIMEOUT_S = 30

Start = Callable[[Path, Mapping[str, str]], Process]


def bridge_settings(nats: NatsServer, livekit: LiveKitServer) -> dict[str, object]:
    """Return the settings of a bridge between two servers, whose rooms end soon after their last person."""
    return {
        "nats_url": nats.url,
        "livekit_url": livekit.url,
        "livekit_api_key": livekit.api_key,
        "livekit_api_secret": livekit.api_secret,
        "room_empty_s": 1,
    }


def faststream_run(log: Path, env: Mapping[str, str]) -> Process:
    """Start a bridge with `faststream run`, which takes seconds."""
    with log.open("ab") as output:
        return subprocess.Popen(
            dying_with_parent(sys.executable, "-m", "faststream", "run", "bridge.livekit:app"),
            env=env,
            stdout=output,
            stderr=output,
        )


def forked(log: Path, env: Mapping[str, str]) -> Process:
    """Start a bridge as `daredevil run` does."""
    return fork_server().fork(log, env)


class BridgeProcess:
    """A bridge, with what it logs in a file; it dies with this process."""

    def __init__(self, log: Path, started_by: Start = forked, /, **settings: object) -> None:
        self.log_path = log
        env = os.environ | {f"DAREDEVIL_{name.upper()}": str(value) for name, value in settings.items()}
        self.process = started_by(log, env)

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def is_running(self) -> bool:
        return self.process.poll() is None

    async def registered(self) -> None:
        """Wait until LiveKit gives it jobs, and a process is warm for the first."""
        async with asyncio.timeout(100):
            while "takes rooms" not in self.log():
                assert self.is_running(), self.log()
                await asyncio.sleep(0.05)

    async def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self.is_running():
            self.process.send_signal(how)
            await asyncio.wait_for(asyncio.to_thread(self.process.wait), END_TIMEOUT_S)

    async def die(self) -> None:
        """Be killed with all its jobs, as by a machine that goes down."""
        self.kill_all()
        await asyncio.wait_for(asyncio.to_thread(self.process.wait), END_TIMEOUT_S)

    def kill_all(self) -> None:
        """Kill it and all its jobs."""
        parent = psutil.Process(self.process.pid)
        for process in (parent, *parent.children(recursive=True)):
            process.kill()


@asynccontextmanager
async def running_bridge(log: Path, started_by: Start = forked, /, **settings: object) -> AsyncIterator[BridgeProcess]:
    """Run a bridge with these settings for a block, entered once it takes rooms."""
    bridge = BridgeProcess(log, started_by, **settings)
    try:
        await bridge.registered()
        yield bridge
    finally:
        await bridge.stop()
