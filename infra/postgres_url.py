"""Where the Postgres of a data directory is: the one that the settings name, else the embedded one."""

import hashlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from infra.settings import Settings


MAX_SOCKET_PATH = 100
"""Unix socket paths end at 107 bytes."""


def data_folder(data_dir: Path) -> Path:
    """Return where the tables of a data directory are kept."""
    return data_dir.absolute() / "postgres"


def socket_folder(folder: Path) -> Path:
    """Return the folder of the server's socket: `folder`, or the system's temporary one if that path is unsuitable."""
    path = str(folder)
    # Postgres and its clients parse a list of folders: commas and quotes are special, outer blanks are stripped.
    plain = not set(path) & set(",\"'\\") and path.isprintable() and path.strip() == path
    if plain and len(os.fsencode(folder / ".s.PGSQL.5432")) <= MAX_SOCKET_PATH:
        return folder
    name = hashlib.blake2b(os.fsencode(folder), digest_size=8).hexdigest()
    return Path(tempfile.gettempdir()) / f"daredevil-{name}"


def embedded_url(data_dir: Path) -> str:
    """Return the address of the embedded server of a data directory, whether it runs or not."""
    return url_of(data_folder(data_dir))


def running_url(settings: "Settings") -> str:
    """Return the Postgres to use: the one set, else the embedded one; empty if the settings say `off`.

    The server may not be running yet.
    """
    if settings.postgres_url == "off":
        return ""
    return settings.postgres_url or embedded_url(settings.data_dir)


def url_of(folder: Path) -> str:
    """Return the address of the server whose data is in `folder`."""
    return f"postgresql://postgres@/postgres?host={quote(str(socket_folder(folder)), safe='')}"
