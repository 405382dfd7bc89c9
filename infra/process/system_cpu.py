"""How much CPU the processes of a system on this machine use, and how much there is."""

import json
import os
from pathlib import Path

import psutil

CGROUP_CPU_MAX = Path("/sys/fs/cgroup/cpu.max")


def cores() -> float:
    """Return how many cores this process may use: those that it may run on, and no more than its cgroup allows."""
    allowed = float(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    try:
        quota, period = CGROUP_CPU_MAX.read_text().split()
        return min(allowed, int(quota) / int(period))
    except (OSError, ValueError):  # no cgroup of version 2, or no limit
        return allowed


class SystemCpu:
    """The CPU time of the processes that a supervisor has noted in `run/processes.json` of its data directory.

    `families` are those whose children count as well: the jobs of rooms.
    """

    def __init__(self, data_dir: Path, families: tuple[str, ...] = ()) -> None:
        self._noted = data_dir / "run" / "processes.json"
        self._families = families
        self._last: dict[int, float] = {}
        self._at_s: float | None = None

    def used_cores(self, now_s: float) -> float | None:
        """Return how many cores they have used since the last call; None at the first, and without a supervisor."""
        times = {process.pid: spent_s for process in self._processes() if (spent_s := _spent_s(process)) is not None}
        spent_s = sum(now - self._last.get(pid, now) for pid, now in times.items())
        since_s = now_s - self._at_s if self._at_s is not None else 0.0
        self._last, self._at_s = times, now_s
        return spent_s / since_s if since_s > 0 and times else None

    def _processes(self) -> list[psutil.Process]:
        try:
            pids: dict[str, int] = json.loads(self._noted.read_text())["pids"]
        except (OSError, ValueError, KeyError):
            return []
        found = []
        for name, pid in pids.items():
            try:
                process = psutil.Process(pid)
                found += [process, *(process.children(recursive=True) if name in self._families else ())]
            except psutil.Error:
                continue
        return found


def _spent_s(process: psutil.Process) -> float | None:
    try:
        times = process.cpu_times()
    except psutil.Error:
        return None
    return float(times.user + times.system)
