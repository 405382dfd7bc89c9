"""CPU, memory and descriptors that the processes of a running system and their children use."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

import psutil

from infra.bench.idle import cpu_s, pss_mb


@dataclass(frozen=True, slots=True)
class Load:
    """One part of the system at one moment: all its processes together. `cpu_s` since each of them started."""

    pss_mb: float
    cpu_s: float
    descriptors: int = 0
    """Open files and connections."""


class Meter:
    """Reads the load of each part of the system on a data directory; processes that have ended keep their CPU time.

    The measuring process is left out, even if it is the system's supervisor.
    """

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "run" / "processes.json"
        self._spent: dict[str, dict[int, float]] = {}

    def read(self) -> dict[str, Load]:
        """Return the load now. Raises OSError if no system runs."""
        pids: dict[str, int] = json.loads(self._path.read_text())["pids"]
        named = set(pids.values())
        loads = {}
        for name, pid in pids.items():
            if pid == os.getpid():
                continue
            family = _family(pid, None if name in ("supervisor", "forkserver") else named)
            spent = self._spent.setdefault(name, {})
            for one in family:
                spent[one] = max(cpu_s(one), spent.get(one, 0))
            memory_mb, used_s = sum(pss_mb(one) for one in family), sum(spent.values())
            loads[name] = Load(round(memory_mb, 1), round(used_s, 2), sum(_descriptors(one) for one in family))
        return loads


def _descriptors(pid: int) -> int:
    try:
        return int(psutil.Process(pid).num_fds())
    except psutil.Error:
        return 0


def _family(pid: int, named: set[int] | None) -> list[int]:
    """Return a process and its children, except those that are parts themselves; without `named`, it alone."""
    if named is None:
        return [pid]
    try:
        children = psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    return [pid, *(child.pid for child in children if child.pid not in named)]
