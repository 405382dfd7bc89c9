"""How much CPU the processes of a system on this machine, or in this container, use, and how much there is."""

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from infra.process.cgroup import CpuGroup, limiting_group


def cores() -> float:
    """Return how many cores this process may use: those that it may run on, and no more than its cgroup allows."""
    allowed = float(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    group = limiting_group()
    return min(allowed, group.cores) if group is not None else allowed


@dataclass(frozen=True, slots=True)
class CpuUse:
    """What a system's processes have had of the CPU."""

    cores: float
    """How many they have used."""
    waited: float
    """Of the time in which their threads could have run, the share in which others ran: 0 to 1, 0 if not known."""


class SystemCpu:
    """The CPU time of the processes that a supervisor has noted in `run/processes.json` of its data directory.

    Without a supervisor a process runs alone, as in a container: then it is the time of it and its children, or, if a
    cgroup limits them, of all in that, for all of it counts against the limit. `families` are the supervisor's
    processes whose children count as well: the jobs of rooms.
    """

    def __init__(
        self, data_dir: Path, families: tuple[str, ...] = (), group: CpuGroup | None = None, alone: int | None = None
    ) -> None:
        self._noted = data_dir / "run" / "processes.json"
        self._families = families
        self._group = group if group is not None else limiting_group()
        self._alone = alone or os.getpid()
        self._last: dict[int, tuple[float, float]] = {}
        self._last_of_group_s: float | None = None
        self._at_s: float | None = None

    def use(self, now_s: float) -> CpuUse | None:
        """Return what they have had since the last call; None at the first."""
        noted = self._noted_processes()
        processes = noted or _with_children(self._alone)
        times = {each.pid: spent for each in processes if (spent := _ran_and_waited_s(each)) is not None}
        ran_s = sum(ran - self._last.get(pid, (ran, 0.0))[0] for pid, (ran, _) in times.items())
        # A thread that has ended takes its times with it.
        waited_s = sum(max(0.0, waited - self._last.get(pid, (0.0, waited))[1]) for pid, (_, waited) in times.items())
        of_group_s = self._group.used_s() if self._group is not None and not noted else None
        if of_group_s is not None and self._last_of_group_s is not None:
            ran_s = of_group_s - self._last_of_group_s
        since_s = now_s - self._at_s if self._at_s is not None else 0.0
        self._last, self._last_of_group_s, self._at_s = times, of_group_s, now_s
        if since_s <= 0 or not times:
            return None
        return CpuUse(ran_s / since_s, waited_s / (ran_s + waited_s) if ran_s + waited_s > 0 else 0.0)

    def _noted_processes(self) -> list[psutil.Process]:
        try:
            pids: dict[str, int] = json.loads(self._noted.read_text())["pids"]
        except (OSError, ValueError, KeyError):
            return []
        found = []
        for name, pid in pids.items():
            if name in self._families:
                found += _with_children(pid)
                continue
            with suppress(psutil.Error):
                found.append(psutil.Process(pid))
        return found


def _with_children(pid: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.Error:
        return []


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
