"""The programs that what is deployed is tested with; where one is missing the test is skipped (and fails in CI)."""

import os
import shutil
from pathlib import Path

import pytest

HOW_TO_GET_THEM = {
    "prometheus": "`make test` installs it on Debian as root",
    "promtool": "`make test` installs it on Debian as root, with Prometheus",
    "prometheus-alertmanager": "`make test` installs it on Debian as root",
    "amtool": "`make test` installs it on Debian as root, with Alertmanager",
    "jaeger": "`scripts/go_server.sh jaeger` builds it, with Go",
    "helm": "`scripts/go_tools.sh helm` builds it, with Go",
    "kubeconform": "`scripts/go_tools.sh kubeconform` builds it, with Go",
    "toxiproxy-server": "`scripts/go_tools.sh toxiproxy-server` builds it, with Go",
}
_OTHER_NAMES = {"prometheus-alertmanager": ("alertmanager",)}
"""What Debian calls otherwise than everybody else."""


def tool(name: str) -> str:
    """Return the path of a program, or skip the test."""
    if found := found_tool(name):
        return found
    pytest.skip(f"needs {name}: {HOW_TO_GET_THEM[name]}")


def found_tool(name: str) -> str:
    """Return the path of a program, from PATH or the cache folder; empty if there is none."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "daredevil"
    for each in (name, *_OTHER_NAMES.get(name, ())):
        if found := shutil.which(each) or shutil.which(str(cache / each)):
            return found
    return ""
