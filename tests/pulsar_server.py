"""A real Pulsar for tests: one for all of a run, on free ports and a temporary folder, ended by who started it."""

import asyncio
import os
import shutil
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.embedded.nats import free_port
from infra.embedded.processes import die_with_parent
from projections.pulsar.admin import AdminApi
from projections.pulsar.routing import PRODUCERS

SCRIPT = Path(__file__).parent.parent / "scripts" / "pulsar.sh"
READY_TIMEOUT_S = 90


class PulsarServer:
    """A broker that a test may kill and start again on the same ports and data."""

    def __init__(self, directory: Path) -> None:
        self._port, self._admin_port, self._bookie_port = free_port(), free_port(), free_port()
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"pulsar://127.0.0.1:{self._port}"
        self.admin_url = f"http://127.0.0.1:{self._admin_port}"
        self.admin = AdminApi(self.admin_url)

    def begin(self) -> None:
        """Start it without waiting."""
        ports = {"--port": self._port, "--admin-port": self._admin_port, "--bookie-port": self._bookie_port}
        options = [text for option, port in ports.items() for text in (option, str(port))]
        with (self._directory / "pulsar.log").open("ab") as log:
            self._process = subprocess.Popen(
                ["bash", str(SCRIPT), "--data", str(self._directory / "data"), *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )

    async def ready(self) -> None:
        """Wait until it takes messages."""
        async with asyncio.timeout(READY_TIMEOUT_S):
            while not await asyncio.to_thread(self._answers):
                assert self._process is not None
                assert self._process.poll() is None, (self._directory / "pulsar.log").read_text()[-3000:]
                await asyncio.sleep(0.1)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.admin_url}/admin/v2/namespaces/public/default", timeout=2):
                return True
        except OSError:
            return False

    def end(self, how: signal.Signals = signal.SIGKILL) -> None:
        if self._process is not None:
            os.kill(self._process.pid, how)
            self._process.wait(30)
            self._process = None

    def clear(self) -> None:
        """Delete the projection's topics."""
        for topic in PRODUCERS:
            self.admin.delete(f"/persistent/{topic.removeprefix('persistent://')}?force=true")


def missing() -> str:
    """Say what there is not, empty if a broker can be started."""
    lib = subprocess.run(["bash", str(SCRIPT), "lib"], capture_output=True, text=True, check=True).stdout.strip()
    if shutil.which("java") is None or not (Path(lib) / ".complete").exists():
        return "Java or the jars of Pulsar are not here: `bash scripts/pulsar.sh fetch` gets them"
    return ""


@pytest.fixture(scope="session")
def pulsar_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PulsarServer]:
    """A running broker, the same for all tests of a run."""
    if problem := missing():
        pytest.skip(problem)
    server = PulsarServer(tmp_path_factory.mktemp("pulsar"))
    server.begin()
    try:
        asyncio.run(server.ready())
        yield server
    finally:
        server.end()
