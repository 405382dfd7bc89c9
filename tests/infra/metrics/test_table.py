"""The table of metrics: names, units, and attributes without ids."""

import re

import pytest

from infra.metrics.metric import AnyMetric, Histogram
from infra.metrics.table import METRICS

OPEN = {
    "durable": "names of consumers",
    "projection": "names of projections",
    "messaging.consumer.group.name": "names of consumers",
    "engine": "names of engines",
    "gen_ai.provider.name": "names of models",
    "gen_ai.request.model": "names of models",
    "gen_ai.tool.name": "names of tools",
    "reason": "why a program ended a session, in its own word",
}
"""The attributes whose values are not known in advance, and what they are: no ids, and nothing that somebody said."""

MOST_SERIES = 200
"""Of a metric whose attributes are all declared."""


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_the_attributes_of_a_metric_are_bounded(metric: AnyMetric) -> None:
    series = 1
    for attribute in metric.attributes:
        if attribute.values:
            series *= len(attribute.values) + 1
        else:
            assert attribute.key in OPEN, f"{attribute.key}: declare its values, or say here why it is open"
        assert not re.search(r"(session|turn|reply|track|participant|user|call|utterance)[._]?id", attribute.key)
    assert series <= MOST_SERIES


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_names_and_units_are_those_of_opentelemetry(metric: AnyMetric) -> None:
    assert re.fullmatch(r"[a-z_]+(\.[a-z_]+)+", metric.name)
    assert re.fullmatch(r"s|By|\{[a-z_]+\}|", metric.unit)
    assert metric.description.endswith(".")
    if isinstance(metric, Histogram):
        assert list(metric.buckets) == sorted(set(metric.buckets))


def test_each_name_is_one_metric() -> None:
    names = [metric.name for metric in METRICS]
    assert len(set(names)) == len(names)
