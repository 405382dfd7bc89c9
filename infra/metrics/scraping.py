"""Reads the metrics of all processes of a system, each at its own address."""

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from infra.metrics.samples import Reading, Series, parsed

if TYPE_CHECKING:
    import httpx

TIMEOUT_S = 2.0
"""A process that hangs must not keep the figures of the others away."""


@dataclass(frozen=True, slots=True)
class Target:
    """A process whose metrics can be read at `url`; if its name is empty, they say it."""

    process: str
    url: str


def targets_file(data_dir: Path) -> Path:
    """Return where a running system names its processes, in the format of Prometheus's file-based discovery."""
    return data_dir.absolute() / "run" / "prometheus-targets.json"


def targets_in(text: str) -> list[Target]:
    """Return the targets in a file of Prometheus's file-based service discovery. Raises ValueError for another file."""
    found = []
    try:
        for group in json.loads(text):
            process = str(group.get("labels", {}).get("process", ""))
            found += [Target(process or address, f"http://{address}/metrics") for address in group["targets"]]
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"no list of targets for Prometheus: {error!r}") from error
    return found


async def read_all(targets: Sequence[Target], timeout_s: float = TIMEOUT_S) -> Reading:
    """Return the metrics of all processes, read at the same time; those that do not answer are named. Never fails."""
    import httpx

    async with httpx.AsyncClient(timeout=timeout_s, follow_redirects=True, trust_env=False) as client:
        read = await asyncio.gather(*(_read(client, target, timeout_s) for target in targets))
    values: dict[Series, float] = {}
    processes: dict[str, str] = {}
    unreachable: dict[str, str] = {}
    for target, series in zip(targets, read, strict=True):
        if series is None:
            unreachable[target.url] = target.process or target.url
        else:
            processes[target.url] = target.process or _named_in(series) or target.url
            values |= series
    return Reading(time.time(), values, processes, unreachable)


def _named_in(series: Mapping[Series, float]) -> str:
    names = (dict(labels).get("service_name", "") for _, _, labels in series)
    return next(filter(None, names), "").removeprefix("daredevil-")


async def _read(client: "httpx.AsyncClient", target: Target, timeout_s: float) -> dict[Series, float] | None:
    import httpx

    try:
        async with asyncio.timeout(timeout_s):
            answer = await client.get(target.url)
            answer.raise_for_status()
            # In a thread, as a door has calls to serve meanwhile.
            return await asyncio.to_thread(parsed, target.url, answer.text)
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, ValueError):
        return None
