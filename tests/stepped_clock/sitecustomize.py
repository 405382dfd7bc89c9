"""Python imports this at its start, where this folder is on PYTHONPATH: its wall clock then steps as a file says.

The file `WALL_CLOCK_STEPS` holds JSON: by how many seconds the clock of which process is ahead, by its title; `""` is
for all others. It is looked at again after a while, so a running process steps as well.
"""

import json
import os
import time
from pathlib import Path

from setproctitle import getproctitle

LOOK_EVERY_S = 0.02

_time_ns = time.time_ns


class _WallClock:
    def __init__(self, file: Path) -> None:
        self._file = file
        self._looked_s = float("-inf")
        self._ahead_ns = 0

    def time_ns(self) -> int:
        now_s = time.monotonic()
        if now_s - self._looked_s > LOOK_EVERY_S:
            self._looked_s = now_s
            self._ahead_ns = int(self._ahead_s() * 1_000_000_000)
        return _time_ns() + self._ahead_ns

    def time(self) -> float:
        return self.time_ns() / 1e9

    def _ahead_s(self) -> float:
        ahead: dict[str, float] = json.loads(self._file.read_text())
        return ahead.get(getproctitle(), ahead.get("", 0.0))


if "WALL_CLOCK_STEPS" in os.environ:
    _clock = _WallClock(Path(os.environ["WALL_CLOCK_STEPS"]))
    time.time_ns, time.time = _clock.time_ns, _clock.time
