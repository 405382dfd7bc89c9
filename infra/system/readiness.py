"""Whether each part of a system is ready: apps answer over NATS, servers over HTTP."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from nats.aio.client import Client
from nats.errors import Error as NatsError

from contracts.topology import OPERATOR, health_subject
from infra.log.nats_access import connect
from infra.log.readiness import UNABLE
from infra.process.http_status import http_status
from infra.settings import Settings
from infra.settings_types import items_of
from infra.system.apps import App
from infra.system.parts import Program

POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class Ready:
    """A system that has started: its page's address, and what it cannot do (`hear`, `answer`, `speak`)."""

    page_url: str
    unable: frozenset[str]


async def wait_until_ready(
    parts: Sequence[Program | App], nats_url: str, settings: Settings, report: Callable[[str], None]
) -> Ready:
    """Wait for all these parts, calling `report` with the name of each as it becomes ready."""
    unable: set[str] = set()
    nc = await connect(nats_url, OPERATOR, settings, max_reconnect_attempts=-1, reconnect_time_wait=0.25)
    try:
        async with asyncio.TaskGroup() as group:
            for part in parts:
                group.create_task(_wait_for(part, settings, nc, report, unable))
    finally:
        await nc.close()
    return Ready(page_url(settings), frozenset(unable))


async def _wait_for(
    part: Program | App, settings: Settings, nc: Client, report: Callable[[str], None], unable: set[str]
) -> None:
    while not await _is_ready(part, settings, nc, unable):  # noqa: ASYNC110 (another process sets no event of ours)
        await asyncio.sleep(POLL_S)
    report(part.name)


async def _is_ready(part: Program | App, settings: Settings, nc: Client, unable: set[str]) -> bool:
    if isinstance(part, Program) and part.health_url:
        return await http_status(part.health_url) == 200
    if isinstance(part, App) and part.serves_page and not await _page_answers(settings):
        return False
    return await _answers(nc, part.name, unable)


async def _answers(nc: Client, name: str, unable: set[str]) -> bool:
    """Return whether an actor answers; what it cannot do is added to `unable`."""
    try:
        answer = await nc.request(health_subject(name), timeout=1)
    except (NatsError, TimeoutError):
        return False
    unable.update(items_of((answer.headers or {}).get(UNABLE, "")))
    return True


async def _page_answers(settings: Settings) -> bool:
    # Not with /readyz, which also waits for the other parts.
    url = page_url(settings)
    return bool(url) and await http_status(url + "healthz") == 200


def port_file(settings: Settings) -> Path:
    """Return the path of the file to which the bridge writes its port."""
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
