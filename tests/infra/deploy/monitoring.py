"""The files of `infra/deploy/monitoring`, and what tests read from them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.yaml_text import read_yaml

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "infra" / "deploy" / "monitoring"
RUNBOOKS = ROOT / "docs" / "runbooks"
RULES = ("recording.yaml", "alerts.yaml")


def read(name: str) -> Any:
    return read_yaml((FOLDER / name).read_text())


def rules(kind: str) -> list[dict[str, Any]]:
    """Return all rules of a kind, `alert` or `record`."""
    return [rule for file in RULES for group in read(file)["groups"] for rule in group["rules"] if kind in rule]


def dashboards() -> dict[str, Any]:
    return {path.stem: json.loads(path.read_text()) for path in (FOLDER / "grafana" / "dashboards").glob("*.json")}


def queries() -> Iterator[tuple[str, str]]:
    """Yield where each query of a dashboard stands, `dashboard / panel / A`, and its expression."""
    for name, dashboard in sorted(dashboards().items()):
        for panel in dashboard["panels"]:
            for target in panel.get("targets", ()):
                yield f"{name} / {panel['title']} / {target['refId']}", target["expr"]


def metrics_in(expression: str) -> set[str]:
    """Return the metrics that an expression reads; not the series of recording rules, which have colons."""
    without_labels = re.sub(
        r'"[^"]*"|\{[^}]*\}|\[[^\]]*\]|\b(by|on|ignoring|group_left|group_right)\s*\([^)]*\)', " ", expression
    )
    return set(re.findall(r"(?<![\w:$])(?:daredevil|process|gen_ai|messaging)_\w+(?![\w:])", without_labels))
