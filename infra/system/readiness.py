"""How to tell that each part of a system is ready: actors answer over NATS, servers over HTTP."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import nats
from nats.aio.client import Client
from nats.errors import Error as NatsError

from contracts.topology import (
    health_subject,
)
from infra.log.broker import UNABLE
from infra.process.http_status import http_status
from infra.settings import Settings, items_of
from infra.system.parts import BRIDGE, LIVEKIT, LLM, Addresses

POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class Ready:
    """A system that has started: its page's address, and what it said that it cannot do (`hear`, `answer`, `speak`)."""

    page_url: str
    unable: frozenset[str]


async def wait_until_ready(
    names: Sequence[str], addresses: Addresses, settings: Settings, tell: Callable[[str], None]
) -> Ready:
    """Wait for all the named parts, calling `tell` with each name as it gets ready."""
    unable: set[str] = set()
    nc = await nats.connect(addresses.nats_url, max_reconnect_attempts=-1, reconnect_time_wait=0.25)
    try:
        async with asyncio.TaskGroup() as group:
            for name in names:
                group.create_task(_wait_for(name, addresses, settings, nc, tell, unable))
    finally:
        await nc.close()
    return Ready(page_url(settings), frozenset(unable))


async def _wait_for(
    name: str, addresses: Addresses, settings: Settings, nc: Client, tell: Callable[[str], None], unable: set[str]
) -> None:
    checks: dict[str, Callable[[], Awaitable[bool]]] = {
        LLM: lambda: _llm_is_ready(addresses),
        BRIDGE: lambda: _bridge_is_ready(settings, nc, unable),
        LIVEKIT: lambda: _livekit_is_ready(addresses),
    }
    check = checks.get(name, lambda: _answers(nc, name, unable))
    while not await check():  # noqa: ASYNC110 (another process, which cannot set an event of ours)
        await asyncio.sleep(POLL_S)
    tell(name)


async def _answers(nc: Client, name: str, unable: set[str]) -> bool:
    """Tell whether an actor answers; what it cannot do is added to `unable`."""
    try:
        answer = await nc.request(health_subject(name), timeout=1)
    except (NatsError, TimeoutError):
        return False
    unable.update(items_of((answer.headers or {}).get(UNABLE, "")))
    return True


async def _llm_is_ready(addresses: Addresses) -> bool:
    return await http_status(addresses.llm_url.removesuffix("/v1") + "/health") == 200


async def _bridge_is_ready(settings: Settings, nc: Client, unable: set[str]) -> bool:
    # Not by /readyz: that waits for the others, too.
    url = page_url(settings)
    return bool(url) and await http_status(url + "healthz") == 200 and await _answers(nc, BRIDGE, unable)


async def _livekit_is_ready(addresses: Addresses) -> bool:
    return await http_status(addresses.livekit_url.replace("ws://", "http://", 1) + "/") == 200


def port_file(settings: Settings) -> Path:
    """Return where the bridge writes the port it listens on."""
    return settings.data_dir.absolute() / "run" / "port"


def page_url(settings: Settings) -> str:
    """Return the page's address as this machine reaches it, empty while its port is not known."""
    port = settings.port
    if port == 0:
        try:
            port = int(port_file(settings).read_text())
        except (OSError, ValueError):
            return ""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"
