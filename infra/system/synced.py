"""Files that are on disk, whatever happens to the machine."""

import asyncio
import os
from pathlib import Path


async def sync_folder(folder: Path) -> None:
    """Return when everything below `folder` is on disk. Raises OSError."""
    await asyncio.to_thread(_sync, folder)


def _sync(folder: Path) -> None:
    for parent, _, names in os.walk(folder):
        for path in (*(Path(parent, name) for name in names), Path(parent)):
            file = os.open(path, os.O_RDONLY)
            try:
                os.fsync(file)
            finally:
                os.close(file)
