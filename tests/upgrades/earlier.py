"""The version before this one, out of the repository's history, to run beside this one in the same environment."""

import io
import subprocess
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

EARLIER = "de3fcc5b69d6a63cf2f44700dd957fa195e02110"
"""The commit that stands for the version before. Set it to the last release when one is made."""


def earlier_tree(folder: Path) -> Path:
    """Unpack the version before into `folder`, and return it. Skips the test in a clone without that commit."""
    archive = subprocess.run(["git", "archive", EARLIER], cwd=ROOT, capture_output=True, timeout=60)
    if archive.returncode:
        pytest.skip(f"the version before ({EARLIER}) is not in this clone: {archive.stderr.decode().strip()}")
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
        tar.extractall(folder, filter="data")
    return folder
