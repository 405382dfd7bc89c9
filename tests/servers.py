"""Real servers for tests: each on a free port and a temporary folder, ended by the process that started it."""

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import psutil

from infra.system.nats import free_port, nats_server_path, wait_for_port, write_nats_config

MEMORY, MEMORY_BYTES = Path("/dev/shm"), 4 << 30
"""Where files are in memory, and how many must be free for a server to find room there."""


@contextmanager
def quick_folder() -> Iterator[Path]:
    """Make a folder, in memory if there is room, and remove it afterwards.

    A server that makes forty files takes 9 ms of CPU less than on a disk, and does not wait for it.
    """
    has_room = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= MEMORY_BYTES
    with tempfile.TemporaryDirectory(prefix="dd-", dir=MEMORY if has_room else None) as folder:
        yield Path(folder)


class NatsServer:
    """A NATS server that a test may kill and start again on the same port and data."""

    def __init__(
        self,
        directory: Path,
        max_file_bytes: int | None = None,
        is_monitored: bool = False,
        more: str = "",
        sync: str = "2m",
    ) -> None:
        self.directory = directory
        self.port = free_port()
        self.url = f"nats://127.0.0.1:{self.port}"
        self.monitor_url = ""
        self._config = write_nats_config(directory, self.port, max_file_bytes)
        # A process that is killed loses nothing that it has written; waiting for the disk is for a machine that dies.
        self._config.write_text(self._config.read_text().replace("sync_interval: always", f'sync_interval: "{sync}"'))
        with self._config.open("a") as config:
            config.write(more)
        if is_monitored:
            monitor = f"127.0.0.1:{free_port()}"
            self.monitor_url = f"http://{monitor}"
            with self._config.open("a") as config:
                config.write(f'http: "{monitor}"\n')
        self._log = directory / "nats.log"
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen([nats_server_path(), "-c", str(self._config)], stdout=log, stderr=log)
        await wait_for_port(self.port)

    async def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self._process is not None:
            os.kill(self._process.pid, how)
            # With a timeout of its own `wait` would look only every 50 ms.
            await asyncio.wait_for(asyncio.to_thread(self._process.wait), 10)
            self._process = None

    def kill(self) -> None:
        """End it at once, outside of any event loop."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def log(self) -> str:
        """What it has logged."""
        return self._log.read_text(errors="replace")

    def freeze(self) -> None:
        """Let it hang: connections stay open, nothing is answered."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)
        # The signal is sent, not yet taken: until then it may still answer.
        process = psutil.Process(self._process.pid)
        while process.status() != psutil.STATUS_STOPPED:
            time.sleep(0.001)

    def thaw(self) -> None:
        """Let it go on where it was frozen."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGCONT)


@asynccontextmanager
async def running_nats(
    directory: Path, max_file_bytes: int | None = None, is_monitored: bool = False, more: str = "", sync: str = "2m"
) -> AsyncIterator[NatsServer]:
    """Run a server; one that `is_monitored` tells over HTTP who is connected and subscribed to what."""
    server = NatsServer(directory, max_file_bytes, is_monitored, more, sync)
    await server.start()
    try:
        yield server
    finally:
        await server.stop(signal.SIGKILL)
