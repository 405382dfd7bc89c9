"""How much CPU the processes of a system on this machine use, and how much there is."""

import json
import os
from contextlib import suppress
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class CpuUse:
    """What a system's processes have had of the CPU."""

    cores: float
    """How many they have used."""
    waited: float
    """Of the time in which their threads could have run, the share in which others ran: 0 to 1, 0 if not known."""


class SystemCpu:
    """The CPU time of the processes that a supervisor has noted in `run/processes.json` of its data directory.

    `families` are those whose children count as well: the jobs of rooms.
    """

    def __init__(self, data_dir: Path, families: tuple[str, ...] = ()) -> None:
        self._noted = data_dir / "run" / "processes.json"
        self._families = families
        self._last: dict[int, tuple[float, float]] = {}
        self._at_s: float | None = None

    def use(self, now_s: float) -> CpuUse | None:
        """Return what they have had since the last call; None at the first, and without a supervisor."""
        times = {each.pid: spent for each in self._processes() if (spent := _ran_and_waited_s(each)) is not None}
        ran_s = sum(ran - self._last.get(pid, (ran, 0.0))[0] for pid, (ran, _) in times.items())
        # A thread that has ended takes its times with it.
        waited_s = sum(max(0.0, waited - self._last.get(pid, (0.0, waited))[1]) for pid, (_, waited) in times.items())
        since_s = now_s - self._at_s if self._at_s is not None else 0.0
        self._last, self._at_s = times, now_s
        if since_s <= 0 or not times:
            return None
        return CpuUse(ran_s / since_s, waited_s / (ran_s + waited_s) if ran_s + waited_s > 0 else 0.0)

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


def _ran_and_waited_s(process: psutil.Process) -> tuple[float, float] | None:
    try:
        times = process.cpu_times()
    except psutil.Error:
        return None
    return float(times.user + times.system), _waited_s(process.pid)


def _waited_s(pid: int) -> float:
    """Return how long its threads could have run but did not, where the kernel counts that.

    https://docs.kernel.org/scheduler/sched-stats.html: the second figure of `schedstat`, in ns.
    """
    waited_ns = 0
    for thread in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        with suppress(OSError, ValueError, IndexError):
            waited_ns += int(thread.read_text().split()[1])
    return waited_ns / 1e9
