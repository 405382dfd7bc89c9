"""What programs of this machine need that have no metrics of their own: NATS, the local model, Postgres."""

import json
from collections.abc import Collection
from pathlib import Path

import psutil

from infra.metrics.figures import ProcessUse


class Programs:
    """The processes that the supervisor of a data directory has started, looked at again and again."""

    def __init__(self, data_dir: Path) -> None:
        self._noted = data_dir.absolute() / "run" / "processes.json"
        self._before: dict[int, tuple[float, float]] = {}
        """When each process was looked at last, and its CPU time then, in seconds."""

    def look(self, now_s: float, known: Collection[str]) -> list[ProcessUse]:
        """Return what each needs that is not among the `known`, since the last look, at first since it began."""
        try:
            pids: dict[str, int] = json.loads(self._noted.read_text())["pids"]
        except (OSError, ValueError, KeyError):
            return []
        others = {name: pid for name, pid in pids.items() if name.partition("-spare")[0] not in known}
        return [use for name, pid in others.items() if (use := self._use(name, pid, now_s))]

    def _use(self, name: str, pid: int, now_s: float) -> ProcessUse | None:
        try:
            process = psutil.Process(pid)
            with process.oneshot():
                times, memory, began_s = process.cpu_times(), process.memory_info().rss, process.create_time()
        except psutil.Error:
            return None  # it has just ended
        spent_s = times.user + times.system
        since_s, before_s = self._before.get(pid, (began_s, 0.0))
        self._before[pid] = now_s, spent_s
        cores = max(0.0, spent_s - before_s) / (now_s - since_s) if now_s > since_s else None
        return ProcessUse(name, f"pid {pid}", None, cores, memory, None)
