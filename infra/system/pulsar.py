"""A Pulsar standalone broker as a child process, on free ports of loopback: for tests and benchmarks."""

import asyncio
import os
import shutil
import signal
import subprocess
import urllib.request
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from infra.system.nats import free_port
from infra.system.processes import dying_with_parent

SCRIPT = Path(__file__).parents[2] / "scripts" / "pulsar.sh"
READY_TIMEOUT_S = 90
END_TIMEOUT_S = 30


class PulsarMissing(RuntimeError):
    """Java, Pulsar's jars or the script that starts it are missing; the message says how to get them."""


def check_installed() -> None:
    """Check that a broker can be started without downloading anything. Raises PulsarMissing."""
    if not SCRIPT.exists():
        raise PulsarMissing(f"{SCRIPT} is missing: a Pulsar can only be started from a checkout")
    lib = subprocess.run(["bash", str(SCRIPT), "lib"], capture_output=True, text=True, check=True).stdout.strip()
    if shutil.which("java") is None or not (Path(lib) / ".complete").exists():
        raise PulsarMissing("Java 17 or Pulsar's jars (240 MB) are missing: `bash scripts/pulsar.sh fetch` gets them")


class PulsarServer:
    """A broker that may be killed and started again on the same ports and data; it dies with this process.

    `more_settings` are added to its configuration: TLS, authentication; `token` is shown when asking if it is ready.
    """

    def __init__(self, directory: Path, more_settings: Mapping[str, object] | None = None, token: str = "") -> None:
        self._more_settings = more_settings or {}
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._port, self._admin_port, self._bookie_port = free_port(), free_port(), free_port()
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"pulsar://127.0.0.1:{self._port}"
        self.admin_url = f"http://127.0.0.1:{self._admin_port}"

    @property
    def log(self) -> Path:
        """Its log file."""
        return self._directory / "data" / "pulsar.log"

    @property
    def pid(self) -> int:
        """Its process. Raises RuntimeError if there is none."""
        if self._process is None:
            raise RuntimeError("the broker is not running")
        return self._process.pid

    def begin(self) -> None:
        """Start it without waiting."""
        ports = {"--port": self._port, "--admin-port": self._admin_port, "--bookie-port": self._bookie_port}
        options = [text for option, port in ports.items() for text in (option, str(port))]
        more = self._directory / "more.conf"
        more.write_text("".join(f"{name}={value}\n" for name, value in self._more_settings.items()))
        options += ["--settings", str(more)]
        with (self._directory / "script.log").open("ab") as log:
            self._process = subprocess.Popen(
                dying_with_parent("bash", str(SCRIPT), "--data", str(self._directory / "data"), *options),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    async def ready(self) -> None:
        """Wait until it accepts messages. Raises TimeoutError, or RuntimeError if it has ended."""
        async with asyncio.timeout(READY_TIMEOUT_S):
            while not await asyncio.to_thread(self._answers):
                if self._process is None or self._process.poll() is not None:
                    raise RuntimeError(f"Pulsar has ended: see {self.log}")
                await asyncio.sleep(0.1)

    def _answers(self) -> bool:
        request = urllib.request.Request(f"{self.admin_url}/admin/v2/namespaces/public/default", headers=self._headers)
        try:
            with urllib.request.urlopen(request, timeout=2):
                return True
        except OSError:
            return False

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End it and return its exit code; blocks. Raises TimeoutExpired."""
        if self._process is None:
            return 0
        os.kill(self._process.pid, how)
        code = self._process.wait(END_TIMEOUT_S)
        self._process = None
        return code


@asynccontextmanager
async def running_pulsar(directory: Path) -> AsyncIterator[PulsarServer]:
    """Run a broker on `directory` for the length of a block. Raises PulsarMissing, TimeoutError."""
    await asyncio.to_thread(check_installed)
    server = PulsarServer(directory)
    server.begin()
    try:
        await server.ready()
        yield server
    finally:
        # It has nothing to keep, and an orderly end would take seconds.
        await asyncio.to_thread(server.end, signal.SIGKILL)
