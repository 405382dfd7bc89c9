"""A whole system for a test: `daredevil run` as a process of its own, on a free port and the test's directory."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from infra.runtime import Runtime, read_runtime
from infra.system.processes import alive

READY_TIMEOUT_S = 200
RESTART_TIMEOUT_S = 60


class System:
    """A running system; its processes may be killed."""

    def __init__(self, data_dir: Path, process: asyncio.subprocess.Process, output: Path) -> None:
        self.data_dir = data_dir
        self.process = process
        self._output = output

    @property
    def runtime(self) -> Runtime:
        runtime = read_runtime(self.data_dir)
        assert runtime is not None, f"the system is not running:\n{self.output()}"
        return runtime

    @property
    def page_url(self) -> str:
        return self.runtime.page_url

    @property
    def nats_url(self) -> str:
        return self.runtime.nats_url

    def processes(self) -> dict[str, Any]:
        noted: dict[str, Any] = json.loads((self.data_dir / "run" / "processes.json").read_text())
        return noted

    def pid_of(self, name: str) -> int:
        """The process id now of `transcript`, `nats`, `llm`, `bridge`, `forkserver`, `supervisor`, …"""
        return int(self.processes()["pids"][name])

    def names(self) -> list[str]:
        return list(self.processes()["pids"])

    def kill(self, name: str, how: signal.Signals = signal.SIGKILL) -> int:
        """Kill a process; return the id it had."""
        pid = self.pid_of(name)
        os.kill(pid, how)
        return pid

    async def restarted(self, name: str, old_pid: int) -> int:
        """Wait until the supervisor has started a process again; return its new id."""
        async with asyncio.timeout(RESTART_TIMEOUT_S):
            while True:
                pid = self.processes()["pids"].get(name, old_pid)
                if pid != old_pid and alive(pid):
                    return int(pid)
                await asyncio.sleep(0.02)

    def output(self) -> str:
        """What it has printed on the terminal."""
        return self._output.read_text(errors="replace")

    def log(self, name: str) -> str:
        """A process's log."""
        return (self.data_dir / "logs" / f"{name}.log").read_text(errors="replace")

    async def ready(self, timeout_s: float = READY_TIMEOUT_S) -> None:
        async with asyncio.timeout(timeout_s):
            while True:
                runtime = read_runtime(self.data_dir)
                if runtime is not None and runtime.page_url:
                    return
                assert self.process.returncode is None, f"the system ended:\n{self.output()}"
                await asyncio.sleep(0.1)

    async def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End it as a user would; return its exit code."""
        if self.process.returncode is None:
            self.process.send_signal(how)
        return await asyncio.wait_for(self.process.wait(), 40)


@asynccontextmanager
async def running_system(data_dir: Path, env: Mapping[str, str] | None = None) -> AsyncIterator[System]:
    """Run the whole system on `data_dir` with settings `env`; ready when entered, ended when left."""
    data_dir.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 (a test's directory)
    ours = {name: value for name, value in os.environ.items() if not name.startswith("DAREDEVIL_")}
    environment = {
        **ours,
        "DAREDEVIL_PORT": "0",
        "DAREDEVIL_TRANSCRIPT_SPARE": "off",
        **(env or {}),
        "DAREDEVIL_DATA_DIR": str(data_dir),
    }
    output = data_dir / "terminal.log"
    with output.open("ab") as terminal:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "infra.cli", "run"),
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=terminal,
            stderr=terminal,
        )
    system = System(data_dir, process, output)
    try:
        await system.ready()
        yield system
    finally:
        try:
            await system.stop()
        except TimeoutError:
            process.kill()
            await process.wait()
