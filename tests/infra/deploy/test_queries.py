"""Dashboards and rules ask for metrics that are measured, by labels that these have."""

import re

import pytest

from infra.metrics.table import METRICS
from tests.infra.deploy.monitoring import metrics_in, queries, rules

SUFFIXES = {
    "counter": ("_total",),
    "updowncounter": ("",),
    "gauge": ("",),
    "histogram": ("_bucket", "_sum", "_count"),
}
UNITS = {"s": "_seconds", "By": "_bytes"}
EVERYWHERE = {"service_name", "instance", "job", "le", "alertname", "alertstate", "severity"}

LABELS = {
    metric.name.replace(".", "_") + UNITS.get(metric.unit, "") + suffix: {
        attribute.key.replace(".", "_") for attribute in metric.attributes
    }
    for metric in METRICS
    for suffix in SUFFIXES[metric.kind]
}
"""The labels of each series, by its name in Prometheus."""

RECORDED = {rule["record"]: rule["expr"] for rule in rules("record")}
ASKED = {
    **dict(queries()),
    **{f"{rule['alert']} ({rule['labels']['severity']})": rule["expr"] for rule in rules("alert")},
    **RECORDED,
}


def asked_for(expression: str) -> tuple[set[str], set[str]]:
    """Return the metrics and the labels that an expression names."""
    grouped = re.findall(r"\b(?:by|on|ignoring)\s*\(([^)]*)\)", expression)
    matched = re.findall(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"", expression)
    labels = {label.strip() for group in grouped for label in group.split(",") if label.strip()}
    return metrics_in(expression), labels | set(matched)


def test_what_an_expression_asks_for_is_found_out() -> None:
    metrics, labels = asked_for(
        'sum by (a, le) (rate(daredevil_x_bucket{b=~"c"}[5m])) / on () group_left () level:daredevil_y:sum'
    )
    assert metrics == {"daredevil_x_bucket"}
    assert labels == {"a", "le", "b"}


@pytest.mark.parametrize("place", ASKED)
def test_a_query_asks_for_what_is_measured(place: str) -> None:
    expression = ASKED[place]
    recorded = set(re.findall(r"\b\w+:\w+:\w+\b", expression))
    assert recorded <= RECORDED.keys()
    metrics, labels = asked_for(" ".join((expression, *(RECORDED[name] for name in recorded))))
    assert metrics <= LABELS.keys(), metrics - LABELS.keys()
    known = EVERYWHERE.union(*(LABELS[metric] for metric in metrics))
    assert labels <= known, labels - known
