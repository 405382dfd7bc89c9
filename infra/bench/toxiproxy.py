"""Toxiproxy before a server: what goes through it can be made late, and its connections can be cut.

The program is built by `scripts/go_tools.sh toxiproxy-server`.
"""

import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from infra.cannot_run import CannotRun
from infra.system.nats import free_port, wait_for_port
from infra.system.processes import start_program

PROGRAM = "toxiproxy-server"
TIMEOUT_S = 5.0


class ToxiproxyMissing(CannotRun, RuntimeError):
    """The program is not installed; the message says how to get it."""


def toxiproxy_path() -> str:
    """Return the program, from PATH or the cache folder. Raises ToxiproxyMissing."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "daredevil" / PROGRAM
    found = shutil.which(PROGRAM) or shutil.which(str(cache))
    if found is None:
        raise ToxiproxyMissing(f"{PROGRAM} is missing: `scripts/go_tools.sh {PROGRAM}` builds it, with Go")
    return found


class Toxiproxy:
    """One server behind the proxy; `port` is where it is reached through it."""

    def __init__(self, http: httpx.AsyncClient, name: str, port: int) -> None:
        self._http = http
        self._name = name
        self.port = port

    async def delay(self, ms: int) -> None:
        """Deliver everything so much later, in both directions; 0 ends it. Raises httpx.HTTPError."""
        for stream in ("upstream", "downstream"):
            toxics = f"/proxies/{self._name}/toxics"
            await self._http.delete(f"{toxics}/{stream}")
            if ms:
                toxic = {"name": stream, "type": "latency", "stream": stream, "attributes": {"latency": ms}}
                (await self._http.post(toxics, json=toxic)).raise_for_status()

    async def cut(self) -> None:
        """Cut all connections; new ones are accepted at once. Raises httpx.HTTPError."""
        for enabled in (False, True):
            answer = await self._http.post(f"/proxies/{self._name}", json={"enabled": enabled})
            answer.raise_for_status()


@asynccontextmanager
async def toxiproxy_before(name: str, port: int, folder: Path) -> AsyncIterator[Toxiproxy]:
    """Run a proxy before the server on a port of loopback, for a block. Raises ToxiproxyMissing, TimeoutError."""
    api, proxied = free_port(), free_port()
    command = (toxiproxy_path(), "-host", "127.0.0.1", "-port", str(api))
    process = await start_program(command, os.environ, folder / "toxiproxy.log")
    try:
        await wait_for_port(api)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{api}", timeout=TIMEOUT_S) as http:
            proxy = {"name": name, "listen": f"127.0.0.1:{proxied}", "upstream": f"127.0.0.1:{port}", "enabled": True}
            (await http.post("/proxies", json=proxy)).raise_for_status()
            yield Toxiproxy(http, name, proxied)
    finally:
        process.send(signal.SIGTERM)
        await process.wait()
