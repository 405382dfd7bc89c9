"""Bridges that are forked in milliseconds, as by `daredevil run`: to import everything would take seconds each."""

import atexit
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Protocol

from bridge.livekit.app import LIVEKIT_AGENTS
from infra.system.forkserver import PRELOADED
from infra.system.processes import dying_with_parent

START_TIMEOUT_S = 100
LAST = "livekit.agents.ipc._preload"
# Not `bridge.livekit.app`, a module that would stand in the place of the package's `app`.
MODULES = (*PRELOADED, "bridge.livekit.worker", LAST)


class Process(Protocol):
    """What `subprocess.Popen` has, too."""

    @property
    def pid(self) -> int: ...
    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def send_signal(self, sig: int) -> None: ...


class ForkedBridge:
    """A child of the fork server."""

    def __init__(self, pid: int, server: "BridgeForkServer") -> None:
        self.pid = pid
        self._server = server
        self._code: int | None = None
        self._has_ended = threading.Event()

    def poll(self) -> int | None:
        return self._code

    def wait(self, timeout: float | None = None) -> int:
        if not self._has_ended.wait(timeout):
            raise subprocess.TimeoutExpired("a forked bridge", timeout or 0)
        assert self._code is not None
        return self._code

    def send_signal(self, sig: int) -> None:
        if self._code is None:
            self._server.send(signal=int(sig), pid=self.pid)

    def ended(self, code: int) -> None:
        self._code = code
        self._has_ended.set()


class BridgeForkServer:
    """Our end of it, for tests with an event loop each; it ends with this process, and its bridges with it."""

    def __init__(self) -> None:
        # Libraries that start a pool of threads when imported must not do so before a fork.
        env = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", **LIVEKIT_AGENTS, **os.environ}
        self._process = subprocess.Popen(
            dying_with_parent(sys.executable, "-m", "infra.system.forkserver", *MODULES),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=env,
            text=True,
            bufsize=1,
        )
        self._changed = threading.Condition()
        self._by_name: dict[str, ForkedBridge] = {}
        self._by_pid: dict[int, ForkedBridge] = {}
        threading.Thread(target=self._read, name="the bridges' fork server's answers", daemon=True).start()

    def fork(self, log: Path, env: Mapping[str, str]) -> ForkedBridge:
        """Start a bridge whose output goes to the file `log`."""
        log.touch()
        name = f"bridge-livekit-{len(self._by_name)}"
        self.send(start=name, app="bridge.livekit:app", after=LAST, env=dict(env), log=str(log.absolute()), niceness=0)
        with self._changed:
            assert self._changed.wait_for(lambda: name in self._by_name, START_TIMEOUT_S), "no bridge was forked"
            return self._by_name[name]

    def send(self, **command: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + "\n")

    def end(self) -> None:
        """End it and its bridges."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGKILL)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            answer = json.loads(line)
            if "ended" in answer:
                self._by_pid.pop(answer["ended"]).ended(answer["code"])
                continue
            with self._changed:
                bridge = ForkedBridge(answer["started"], self)
                self._by_name[answer["name"]] = self._by_pid[bridge.pid] = bridge
                self._changed.notify_all()


@cache
def fork_server() -> BridgeForkServer:
    """Return that of this process, started when it is first needed."""
    server = BridgeForkServer()
    atexit.register(server.end)
    return server
