"""One supervisor per data directory: an advisory lock that ends with the processes that hold it."""

import fcntl
import os
import time
from pathlib import Path

from infra.cannot_run import CannotRun


class DataDirInUse(CannotRun, RuntimeError):
    """Another supervisor runs on this data directory; the message names its process."""


class DataDirUnusable(CannotRun, RuntimeError):
    """The data directory cannot be written to; the message says why and what to do."""


class DataDirLock:
    """The lock of a data directory. `fd` may be inherited by a child, which then holds it too."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def release(self) -> None:
        """Release the lock in this process."""
        os.close(self.fd)


def lock_data_dir(data_dir: Path, patience_s: float = 1.0) -> DataDirLock:
    """Take the lock. Raises DataDirInUse if another process holds it for `patience_s`, DataDirUnusable."""
    path = data_dir / "run" / "lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise DataDirUnusable(
            f"the data directory {data_dir.absolute()} cannot be used ({_why(data_dir, error)}): choose another one "
            "with DAREDEVIL_DATA_DIR"
        ) from None
    deadline = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() < deadline:
                time.sleep(0.05)
                continue
            holder = os.pread(fd, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(fd)
            raise DataDirInUse(
                f"{data_dir.absolute()} is in use by process {holder}. Stop it (Ctrl-C, or "
                f"`kill {holder}`), or choose another directory with DAREDEVIL_DATA_DIR"
            ) from None
    os.ftruncate(fd, 0)
    os.pwrite(fd, str(os.getpid()).encode(), 0)
    return DataDirLock(fd)


def _why(data_dir: Path, error: OSError) -> str:
    nearest = next(folder for folder in (data_dir.absolute(), *data_dir.absolute().parents) if folder.exists())
    return f"{nearest} is a file" if not nearest.is_dir() else f"{error.strerror or error}: {error.filename}"
