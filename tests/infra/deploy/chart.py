"""The Helm chart, rendered: what Kubernetes would be told."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.infra.deploy.monitoring import ROOT
from tests.monitoring_tools import tool
from tests.yaml_text import read_documents, read_yaml

CHART = ROOT / "infra" / "deploy" / "helm"
SCHEMAS = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "daredevil" / "kubernetes-schemas"
KUBERNETES = "1.33.0"

Manifest = dict[str, Any]

EVERYTHING: dict[str, Any] = {
    "processes": {name: {"enabled": True} for name in ("http", "bridge-livekit", "tools", "projection-pulsar")},
    "settings": {
        "DAREDEVIL_LIVEKIT_URL": "wss://rooms",
        "DAREDEVIL_OTLP_ENDPOINT": "http://collector:4318",
        "DAREDEVIL_PULSAR_URL": "pulsar://pulsar:6650",
        "DAREDEVIL_PULSAR_ADMIN_URL": "http://pulsar:8080",
    },
    "secret": {"engineKeys": ["OPENAI_API_KEY"]},
    "llm": {"enabled": True},
    "nats": {"replicas": 3},
    "autoscaling": {"by": "cpu"},
    "ingress": {"enabled": True, "host": "voice.example.org", "paths": [{"path": "/chat", "process": "http"}]},
    "monitoring": {"podMonitor": True, "rules": True, "labels": {"release": "prometheus"}},
    "podAnnotations": {"example.org/team": "voice"},
    "nodeSelector": {"pool": "voice"},
    "tolerations": [{"key": "voice", "operator": "Exists"}],
    "priorityClassName": "voice",
    "image": {"digest": f"sha256:{'0' * 64}", "pullSecrets": ["registry"]},
}
"""All parts and options at once."""

CASES = ("values.yaml", "values-small.yaml", "values-large.yaml", "everything")


def helm(*arguments: str | Path) -> str:
    """Return what helm prints; fails with what it says."""
    done = run_helm(*arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def run_helm(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [tool("helm"), *arguments], cwd=CHART, capture_output=True, text=True, timeout=60, check=False
    )


def template(values: dict[str, Any], *options: str) -> "subprocess.CompletedProcess[str]":
    """Render the chart with these values over its own."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump(values, file)
        file.flush()
        return run_helm(
            "template", "voice", ".", "--namespace=talk", f"--kube-version={KUBERNETES}", *options, "-f", file.name
        )


@cache
def text_of(case: str) -> str:
    """Return what the chart renders to for one of CASES."""
    values = EVERYTHING if case == "everything" else read_yaml((CHART / case).read_text())
    done = template(values)
    assert done.returncode == 0, done.stderr
    return done.stdout


@cache
def manifests(case: str) -> list[Manifest]:
    return read_documents(text_of(case))


def of_kind(case: str, *kinds: str) -> list[Manifest]:
    found = [each for each in manifests(case) if each["kind"] in kinds]
    assert found, kinds
    return found


def named(case: str, kind: str, part: str) -> Manifest:
    [found] = [each for each in of_kind(case, kind) if each["metadata"]["name"] == f"voice-{part}"]
    return found


def part_of(manifest: Manifest) -> str:
    part: str = manifest["metadata"]["labels"]["app.kubernetes.io/component"]
    return part


def workloads(case: str) -> list[Manifest]:
    return of_kind(case, "Deployment", "StatefulSet")


def pods(case: str) -> Iterator[tuple[str, Manifest]]:
    """Yield the part and the pod (metadata and spec) of whatever makes pods."""
    for workload in (*workloads(case), *of_kind(case, "Job")):
        yield part_of(workload), workload["spec"]["template"]
    for pod in of_kind(case, "Pod"):
        yield part_of(pod), pod


def container_of(pod: Manifest) -> Manifest:
    [container] = pod["spec"]["containers"]
    found: Manifest = container
    return found


def environment(case: str, part: str) -> dict[str, Any]:
    """Return the variables that a process is given by name, without those of the common settings."""
    return {each["name"]: each for each in container_of(dict(pods(case))[part])["env"]}


@cache
def values() -> dict[str, Any]:
    found: dict[str, Any] = read_yaml((CHART / "values.yaml").read_text())
    return found


def selects(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    return bool(selector["matchLabels"].items() <= labels.items())


each_case = pytest.mark.parametrize("case", CASES)
