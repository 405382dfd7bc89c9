"""What a supervisor writes below `run/` of its data directory, for other programs to find its system."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from infra.runtime import Runtime, clear_runtime, write_runtime
from infra.system.addresses import Addresses


class RunFiles:
    """`runtime.json` (addresses), `processes.json` (process ids) and `postgres_url` of a running system."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._processes = data_dir / "run" / "processes.json"
        self._postgres = data_dir / "run" / "postgres_url"

    def addresses(self, at: Addresses, page_url: str) -> None:
        """Write where the system is; `page_url` is empty while it starts."""
        write_runtime(self._data_dir, Runtime(os.getpid(), at.nats_url, at.llm_url, page_url, at.livekit_url))

    def postgres_url(self, url: str) -> None:
        """Write the address of the tables: `psql $(cat run/postgres_url)`."""
        self._postgres.write_text(url)

    def processes(self, pids: Mapping[str, int], ready_s: float | None) -> None:
        """Write the process ids, and how long the start took once that is known."""
        temporary = self._processes.with_suffix(".new")
        temporary.write_text(json.dumps({"ready_s": ready_s, "pids": {"supervisor": os.getpid(), **pids}}))
        temporary.replace(self._processes)

    def clear(self) -> None:
        """Remove them: nothing runs here any more."""
        clear_runtime(self._data_dir)
        for path in (self._processes, self._postgres):
            path.unlink(missing_ok=True)
