"""How many threads a process has: of several, a fork has only the one that calls it, which is not safe."""

import os
import sys
import threading


def thread_count() -> int:
    """Return the number of threads of this process; on Linux also those of native libraries."""
    return len(os.listdir("/proc/self/task")) if sys.platform == "linux" else threading.active_count()
