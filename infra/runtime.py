"""Where the embedded servers of a data directory can be found: small files that they leave there."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from infra.cannot_run import CannotRun


class NotRunning(CannotRun, RuntimeError):
    """Nothing runs on this data directory and no external server is set."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """What a running supervisor offers; written to `<data dir>/run/runtime.json`."""

    supervisor_pid: int
    nats_url: str
    llm_url: str
    page_url: str
    livekit_url: str = ""


def _path(data_dir: Path) -> Path:
    return data_dir / "run" / "runtime.json"


def write_runtime(data_dir: Path, runtime: Runtime) -> None:
    """Tell other processes what runs here, atomically."""
    path = _path(data_dir)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}")
    temporary.touch(mode=0o600)  # the URL has a password
    temporary.write_text(json.dumps(asdict(runtime)))
    temporary.replace(path)


def clear_runtime(data_dir: Path) -> None:
    """Say that nothing runs here any more."""
    _path(data_dir).unlink(missing_ok=True)


def read_runtime(data_dir: Path) -> Runtime | None:
    """Return what runs on this data directory, or None. A dead supervisor's file does not count."""
    try:
        runtime = Runtime(**json.loads(_path(data_dir).read_text()))
        os.kill(runtime.supervisor_pid, 0)
    except (OSError, ValueError, TypeError):
        return None
    return runtime


def running_nats_url(data_dir: Path) -> str:
    """Return the embedded NATS's address. Raises NotRunning with what to do."""
    runtime = read_runtime(data_dir)
    if runtime is None:
        raise NotRunning(
            f"nothing runs on {data_dir.absolute()}: start it with `make run` (or `daredevil run`), "
            "or set DAREDEVIL_NATS_URL to a NATS server with JetStream"
        )
    return runtime.nats_url
