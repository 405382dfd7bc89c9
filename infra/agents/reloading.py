"""Which files agents are made of, when one of them changes, and whether they can be loaded then: for `--reload`."""

import asyncio
import importlib.util
import json
import sys
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from infra.agents.loading import Agents, findable

LOOK_S = 0.5
CHECK_TIMEOUT_S = 60.0
_FOUND = "agents found: "


@dataclass(frozen=True, slots=True)
class Loaded:
    """What loading agents gives: their names, what is wrong with others, and the files that were read for it.

    `files` has when each was last written (ns), so that a change is noticed however late somebody begins to look.
    """

    agents: tuple[str, ...] = ()
    errors: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[Path, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AgentsChange:
    """A file has changed: what loading the agents gives now, and why they should stay as they were, if they should."""

    path: Path
    loaded: Loaded
    refusal: str = ""


def files_of(places: str) -> set[Path]:
    """Return the files of the agents themselves."""
    files: set[Path] = set()
    for each in places.split(","):
        if not (place := each.strip()):
            continue
        if place.endswith(".py"):
            files.add(Path(place).resolve())
        elif origin := _origin(place):
            files.add(Path(origin))
    return files


def _origin(module: str) -> str | None:
    try:
        spec = importlib.util.find_spec(findable(module))
    except ImportError:
        return None
    return spec.origin if spec is not None else None


def read_for(places: str) -> set[Path]:
    """Return the files beneath the folders of the agents that this process has read as modules, theirs among them."""
    own = files_of(places)
    folders = {_root(path) for path in own}
    modules = list(sys.modules.values())
    read = (Path(file).resolve() for module in modules if (file := getattr(module, "__file__", None)))
    return own | {path for path in read if not folders.isdisjoint(path.parents) and "site-packages" not in path.parts}


def _root(path: Path) -> Path:
    """Return the folder of a file, or that of the whole package it belongs to."""
    folder = path.parent
    while (folder / "__init__.py").exists() and (folder.parent / "__init__.py").exists():
        folder = folder.parent
    return folder


def loaded_here(places: str, agents: Agents) -> Loaded:
    """Return how this process has loaded the agents of these places."""
    return Loaded(tuple(agents.by_name), agents.errors, _times(read_for(places)))


async def changes(places: str, first: Loaded) -> AsyncIterator[AgentsChange]:
    """Yield a change each time files of the agents have changed, come or gone; several at once are one change.

    `first` is how the agents were loaded. Agents stay as they were if a fault would take one away that can be used.
    """
    good, files, before = first, {*first.files} | files_of(places), dict(first.files)
    while True:
        await asyncio.sleep(LOOK_S)
        now = _times(files)
        changed = sorted(path for path in files if before.get(path) != now.get(path))
        if not changed:
            continue
        loaded = await loaded_now(places)
        files |= {*loaded.files}
        before = {**loaded.files, **now}
        new_faults = [error for name, error in loaded.errors.items() if name not in good.errors]
        if not new_faults:
            good = loaded
        yield AgentsChange(changed[0], loaded, "; ".join(new_faults))


def _times(files: Iterable[Path]) -> dict[Path, int]:
    """Return when each file that there is was last written (ns)."""
    times: dict[Path, int] = {}
    for path in files:
        try:
            times[path] = path.stat().st_mtime_ns
        except OSError:  # removed, or an editor has just replaced it
            continue
    return times


async def loaded_now(places: str) -> Loaded:
    """Return what loading the agents gives now, tried in a process of its own. Raises nothing."""
    command = (sys.executable, "-m", __name__, places)
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            written, errors = await process.communicate()
    except TimeoutError:
        return Loaded(errors={places: f"loading them took longer than {CHECK_TIMEOUT_S:g} s"})
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    lines = written.decode(errors="replace").splitlines()  # the authors' code may print, too
    line = next((line for line in lines if line.startswith(_FOUND)), None)
    if line is None:  # it may also end the process
        last = errors.decode(errors="replace").strip().splitlines()[-1:]
        return Loaded(errors={places: last[0] if last else f"loading them ended with exit code {process.returncode}"})
    found = json.loads(line.removeprefix(_FOUND))
    return Loaded(tuple(found["agents"]), found["errors"], {Path(path): time for path, time in found["files"].items()})


def _load(places: str) -> dict[str, object]:
    from infra.agents.errors import BadAgent
    from infra.agents.loading import load_agents

    try:
        agents = load_agents(places)
        names, errors = list(agents.by_name), dict(agents.errors)
    except BadAgent as error:
        names, errors = [], {places: str(error)}
    return {
        "agents": names,
        "errors": errors,
        "files": {str(path): time for path, time in _times(read_for(places)).items()},
    }


if __name__ == "__main__":
    sys.stdout.write(f"\n{_FOUND}{json.dumps(_load(sys.argv[1]))}\n")  # what `loaded_now` reads
    sys.stdout.flush()
