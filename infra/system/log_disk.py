"""A log whose disk was full: when to start NATS again.

Once a write has failed, JetStream takes nothing more into that stream until the server is restarted, however much room
there is by then (nats-server 2.15: `critical write error`).
"""

import shutil
from pathlib import Path

ROOM_BYTES = 16_000_000
"""With so much free again, the log is worth a new start: several of its blocks (8 MB at most) fit."""

_FAILED = ("critical write error", "no space left on device", "failed to store a msg")


class LogDisk:
    """What is known of the disk on which the log is; told by the lines of NATS's log file."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.failed = False

    def take(self, line: str) -> bool:
        """Take a line of NATS's log; tell whether it says that a write has failed."""
        failed = any(words in line.lower() for words in _FAILED)
        self.failed = self.failed or failed
        return failed

    def restart_due(self) -> bool:
        """Tell whether a write has failed and there is room again."""
        return self.failed and free_bytes(self._directory) >= ROOM_BYTES

    def restarted(self) -> None:
        """Note that NATS was started again."""
        self.failed = False


def free_bytes(directory: Path) -> int:
    """Return the room on a folder's disk, 0 if that cannot be found out."""
    try:
        return shutil.disk_usage(directory).free
    except OSError:
        return 0
