"""Which files agents come from, and when one of them changes: for `daredevil run --reload`."""

import asyncio
import importlib.util
import sys
from collections.abc import AsyncIterator
from pathlib import Path

LOOK_S = 0.5
CHECK_TIMEOUT_S = 60.0

_CHECK = "import sys; from infra.agents.loading import load_agents; print(*load_agents(sys.argv[1]).errors.values())"


def folders_of(places: str) -> list[Path]:
    """Return the folders whose Python files the agents are made of: of each file, and of each module's package."""
    folders: dict[Path, None] = {}
    for each in places.split(","):
        if not (place := each.strip()):
            continue
        if place.endswith(".py"):
            folders[Path(place).resolve().parent] = None
        elif (spec := importlib.util.find_spec(place)) is not None and spec.origin:
            folders[Path(spec.origin).parent] = None
    return list(folders)


def times_of(places: str) -> dict[Path, int]:
    """Return when each of their Python files was last written (ns)."""
    times: dict[Path, int] = {}
    for folder in folders_of(places):
        for path in folder.glob("*.py"):
            try:
                times[path] = path.stat().st_mtime_ns
            except FileNotFoundError:  # an editor has just replaced it
                continue
    return times


async def changes(places: str) -> AsyncIterator[Path]:
    """Yield a file each time files have changed, come or gone; several at once are one change."""
    before = times_of(places)
    while True:
        await asyncio.sleep(LOOK_S)
        now = times_of(places)
        changed = sorted(path for path in before.keys() | now.keys() if before.get(path) != now.get(path))
        before = now
        if changed:
            yield changed[0]


async def problems_of(places: str) -> str:
    """Return why the agents cannot be loaded as they are now, empty if they can: tried in a process of its own."""
    command = (sys.executable, "-c", _CHECK, places)
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            _, written = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        return f"loading them took longer than {CHECK_TIMEOUT_S:g} s"
    if process.returncode == 0:
        return ""
    lines = written.decode(errors="replace").strip().splitlines()
    return lines[-1].partition("BadAgent: ")[2] or lines[-1] if lines else f"exit code {process.returncode}"
