"""The files of `infra/deploy/compose`, put together by the reference loader of compose files (compose-go)."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.yaml_text import read_yaml

FOLDER = Path(__file__).parents[3] / "infra" / "deploy" / "compose"
DEVELOPMENT = ("compose.yaml", "compose.override.yaml")
PRODUCTION = ("compose.yaml", "compose.production.yaml")
CLUSTER = (*PRODUCTION, "compose.nats-cluster.yaml")
VARIABLES = {"DOMAIN": "voice.example.org", "ACME_EMAIL": "you@example.org", "NODE_IP": "203.0.113.7"}


def read(name: str) -> Any:
    return read_yaml((FOLDER / name).read_text())


def loader() -> str:
    """The reference loader; without it the test is skipped."""
    cached = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "daredevil" / "compose-spec"
    if not cached.exists():
        pytest.skip("compose-spec is missing: bash scripts/go_tools.sh compose-spec")
    return str(cached)


def _secrets_of(files: tuple[str, ...]) -> list[str]:
    declared = [read(file).get("secrets") or {} for file in files]
    return [secret["file"] for secrets in declared for secret in secrets.values()]


def _given(variable: re.Match[str]) -> str:
    """Return the value of a variable that the files require, and any other variable as it stands."""
    return VARIABLES.get(variable[1], variable[0])


@cache
def put_together(files: tuple[str, ...]) -> dict[str, Any]:
    """What the files are together: checked against the schema, variables replaced. Raises AssertionError."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "compose"
        shutil.copytree(FOLDER, copy, ignore=shutil.ignore_patterns("secrets", ".env"))
        for file in files:  # the loader reads no variables by itself
            text = re.sub(r"\$\{(\w+)(:\?)?[^}]*\}", _given, (copy / file).read_text())
            (copy / file).write_text(text)
        installed = {**os.environ, "DAREDEVIL": str(Path(sys.executable).parent / "daredevil")}
        subprocess.run(["sh", "secrets.sh"], cwd=copy, env=installed, check=True, capture_output=True)
        missing = [file for file in _secrets_of(files) if not (copy / file).is_file()]
        assert not missing, missing
        command = [loader(), "--format", "json", "--no-path-resolution", *files]
        done = subprocess.run(command, cwd=copy, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    together: dict[str, Any] = read_yaml(done.stdout)
    return together
