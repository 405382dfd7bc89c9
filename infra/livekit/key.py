"""The API key of the LiveKit server that runs on a data directory."""

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class LiveKitKey:
    """An API key and its secret."""

    key: str
    secret: str


def livekit_folder(data_dir: Path) -> Path:
    """Return the path of the embedded server's key and configuration."""
    return data_dir.absolute() / "livekit"


def livekit_key(directory: Path) -> LiveKitKey:
    """Return the key of the server whose files are in `directory`; the first call generates it."""
    path = directory / "key.json"
    try:
        return LiveKitKey(**json.loads(path.read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        pass
    made = LiveKitKey(f"dev{secrets.token_hex(6)}", secrets.token_urlsafe(32))
    directory.mkdir(parents=True, exist_ok=True)
    write_private(path, json.dumps({"key": made.key, "secret": made.secret}))
    return made


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read: the server refuses secrets that others can read."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    fresh.replace(path)
