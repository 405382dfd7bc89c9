"""A log whose disk was full: when to restart NATS.

Once a write has failed, JetStream stores nothing more in that stream until the server is restarted, however much room
there is by then (nats-server 2.15: `critical write error`).
"""

import shutil
from pathlib import Path

ROOM_BYTES = 16_000_000
"""With this much free again, a restart is worthwhile: several of the log's blocks (8 MB at most) fit."""

_FAILED = ("critical write error", "no space left on device", "failed to store a msg")


class LogDisk:
    """What is known of the log's disk, from the lines of NATS's log file."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.failed = False

    def take(self, line: str) -> bool:
        """Process a line of NATS's log; return whether it reports a failed write."""
        failed = any(words in line.lower() for words in _FAILED)
        self.failed = self.failed or failed
        return failed

    def restart_due(self) -> bool:
        """Return whether a write has failed and there is room again."""
        return self.failed and free_bytes(self._directory) >= ROOM_BYTES

    def restarted(self) -> None:
        """Note that NATS was restarted."""
        self.failed = False


def free_bytes(directory: Path) -> int:
    """Return the free bytes on a folder's disk, 0 if that is unknown."""
    try:
        return shutil.disk_usage(directory).free
    except OSError:
        return 0
