"""A projection that a benchmark starts as its real process, whose status it reads, and which it kills."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nats
from nats.aio.client import Client
from nats.errors import NoRespondersError
from nats.errors import TimeoutError as NoAnswer

from contracts.topology import (
    status_subject,
)
from infra.system.own_nats import own_nats
from infra.system.processes import ForkServerClient, Running

ASK_TIMEOUT_S = 1.0
POLL_S = 0.005
AT_WORK = ("live", "catching up")

Verify = Callable[[Client], Awaitable[list[str]]]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of projection: its name, app, settings, server, and comparison with the log.

    `server` runs the server that it writes to for a block, each time with the same address and data.
    """

    name: str
    app: str
    environment: Mapping[str, str]
    server: Callable[[], AbstractAsyncContextManager[None]]
    verify: Verify


@dataclass(slots=True)
class UnderTest:
    """A projection of some kind on the benchmark's own log, one copy at a time."""

    kind: Kind
    nc: Client
    _forks: ForkServerClient
    _environment: dict[str, str]
    _log: Path
    _copy: Running | None = None

    async def start(self) -> None:
        """Start a copy, forked as by the supervisor. Raises ForkServerGone."""
        name = self.kind.name
        self._copy = await self._forks.fork(name, self.kind.app, "infra.log.inbox", self._environment, self._log)

    async def kill(self) -> None:
        """Kill the copy with SIGKILL."""
        assert self._copy is not None
        self._copy.send(signal.SIGKILL)
        await self._copy.wait()

    async def status(self) -> dict[str, Any]:
        """Return the copy's status, with an empty state if it does not answer. Raises RuntimeError if it is stopped."""
        try:
            answer = await self.nc.request(status_subject(self.kind.name), b"", timeout=ASK_TIMEOUT_S)
        except (NoRespondersError, NoAnswer):
            return {"state": "", "position": 0, "log_end": 0}
        found: dict[str, Any] = json.loads(answer.data)
        if found["state"] == "stopped":
            raise RuntimeError(f"{self.kind.name} is stopped: {found['reason']}")
        return found

    async def at_work(self, position: int, within_s: float) -> dict[str, Any]:
        """Return its status once it is running and has reached this sequence. Raises TimeoutError."""
        async with asyncio.timeout(within_s):
            while True:
                found = await self.status()
                if found["state"] in AT_WORK and found["position"] >= position:
                    return found
                await asyncio.sleep(POLL_S)


@asynccontextmanager
async def under_test(kind: Kind, folder: Path, environment: Mapping[str, str]) -> AsyncIterator[UnderTest]:
    """Yield a projection to start, on an empty log; everything ends with the block. Log files are in `folder`."""
    async with own_nats(folder) as log:
        told = {**environment, **kind.environment, "DAREDEVIL_NATS_URL": log.url}
        forks = ForkServerClient(told, folder / "forks.log")
        nc = await nats.connect(log.url)
        try:
            yield UnderTest(kind, nc, forks, told, folder / f"{kind.name}.log")
        finally:
            await nc.close()
            await forks.stop()
