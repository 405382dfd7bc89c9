"""What the processes of a running system take of the machine, and their children."""

import json
from dataclasses import dataclass
from pathlib import Path

import psutil

from infra.bench.idle import cpu_s, pss_mb


@dataclass(frozen=True, slots=True)
class Load:
    """One part of the system at one moment: all its processes together. `cpu_s` since each of them began."""

    pss_mb: float
    cpu_s: float


def load_of(data_dir: Path) -> dict[str, Load]:
    """Return the load of each part of the system on a data directory. Raises OSError if none runs."""
    pids: dict[str, int] = json.loads((data_dir / "run" / "processes.json").read_text())["pids"]
    named = set(pids.values())
    return {
        name: _load(_family(pid, named if name not in ("supervisor", "forkserver") else None))
        for name, pid in pids.items()
    }


def _family(pid: int, named: set[int] | None) -> list[int]:
    """Return a process and its children, but for those that are a part of their own; alone for who starts parts."""
    if named is None:
        return [pid]
    try:
        children = psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    return [pid, *(child.pid for child in children if child.pid not in named)]


def _load(pids: list[int]) -> Load:
    return Load(round(sum(pss_mb(pid) for pid in pids), 1), round(sum(cpu_s(pid) for pid in pids), 2))
