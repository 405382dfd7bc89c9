"""What a running system costs while nobody talks: memory and CPU of every process."""

import asyncio
import json
import time
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True, slots=True)
class ProcessFigures:
    """One process: memory (its share of shared pages counted proportionally) and CPU in percent of one core."""

    name: str
    pid: int
    pss_mb: float
    cpu_percent: float


@dataclass(frozen=True, slots=True)
class IdleFigures:
    """The system; `ready_s` is how long it took to start."""

    seconds: float
    ready_s: float | None
    pss_mb: float
    cpu_percent: float
    processes: list[ProcessFigures]


async def measure_idle(data_dir: Path, seconds: float) -> IdleFigures:
    """Measure the system that runs on a data directory. Raises OSError if none does."""
    noted = json.loads((data_dir / "run" / "processes.json").read_text())
    pids: dict[str, int] = noted["pids"]
    began_s, before = time.monotonic(), {name: cpu_s(pid) for name, pid in pids.items()}
    await asyncio.sleep(seconds)
    spent_s = time.monotonic() - began_s
    processes = [
        ProcessFigures(name, pid, pss_mb(pid), round((cpu_s(pid) - before[name]) / spent_s * 100, 2))
        for name, pid in pids.items()
    ]
    return IdleFigures(
        seconds=round(spent_s, 1),
        ready_s=noted.get("ready_s"),
        pss_mb=round(sum(process.pss_mb for process in processes), 1),
        cpu_percent=round(sum(process.cpu_percent for process in processes), 2),
        processes=processes,
    )


def cpu_s(pid: int) -> float:
    """Return a process's CPU time; 0 if it has ended."""
    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


def pss_mb(pid: int) -> float:
    """Return a process's memory, shared pages counted proportionally; 0 if it has ended."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return round(int(line.split()[1]) / 1000, 1)
    except OSError:
        pass
    try:
        return round(psutil.Process(pid).memory_info().rss / 1e6, 1)
    except psutil.NoSuchProcess:
        return 0.0
