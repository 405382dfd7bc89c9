"""Metrics as read from processes: parsed, compared with an earlier reading, and summed over series. Pure."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from prometheus_client.parser import text_string_to_metric_families

from infra.metrics.metric import AnyMetric
from infra.metrics.percentiles import summed

UNITS = {"s": "seconds", "By": "bytes"}
"""Prometheus's names of the units that are in use; those in braces (`{turn}`) say what is counted, and are left out."""

Labels = frozenset[tuple[str, str]]
Series = tuple[str, str, Labels]
"""The address it was read from, its name, and its labels."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What `/metrics` of some processes said at `time_s`. `unreachable` are those that did not answer."""

    time_s: float
    values: Mapping[Series, float] = field(default_factory=dict)
    processes: Mapping[str, str] = field(default_factory=dict)
    """The name of each process that answered, by its address."""

    unreachable: Mapping[str, str] = field(default_factory=dict)
    """The name of each that did not, by its address."""

    def since(self, earlier: "Reading") -> Self:
        """Return what was counted since an earlier reading: for counters and histograms.

        A process that has begun again meanwhile has counted from zero.
        """
        counted = {}
        for series, value in self.values.items():
            before = earlier.values.get(series, 0.0)
            counted[series] = value - before if value >= before else value
        return type(self)(self.time_s, counted, self.processes, self.unreachable)


def parsed(address: str, text: str) -> dict[Series, float]:
    """Return the series in a process's `/metrics`. Raises ValueError for what is no such text."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if not math.isnan(sample.value):
                found[address, sample.name, frozenset(sample.labels.items())] = sample.value
    return found


def name_of(metric: AnyMetric) -> str:
    """Return the name under which Prometheus has a metric: as the exporter makes it of name, unit and kind."""
    unit = UNITS.get(metric.unit, "")
    name = re.sub(r"[^a-zA-Z0-9_]", "_", metric.name)
    if unit and not name.endswith(f"_{unit}"):
        name += f"_{unit}"
    return f"{name}_total" if metric.kind == "counter" else name


@dataclass(frozen=True, slots=True)
class SeriesValue:
    """One series of a metric."""

    address: str
    labels: Mapping[str, str]
    value: float


class Metrics:
    """A reading, by metric."""

    def __init__(self, reading: Reading) -> None:
        self._by_name: dict[str, list[SeriesValue]] = {}
        for (address, name, labels), value in reading.values.items():
            self._by_name.setdefault(name, []).append(SeriesValue(address, dict(labels), value))

    def series(self, metric: AnyMetric, suffix: str = "") -> Sequence[SeriesValue]:
        """Return the series of a metric; `suffix` is `_bucket`, `_sum` or `_count` for those of a histogram."""
        return self._by_name.get(name_of(metric) + suffix, ())

    def sum(self, metric: AnyMetric, **labels: str) -> float:
        """Return the sum over all processes of the series with these labels."""
        return sum(seen.value for seen in self.series(metric) if seen.labels.items() >= labels.items())

    def most(self, metric: AnyMetric) -> float | None:
        """Return the largest value: of what several copies measure alike. None if nobody has measured it."""
        return max((seen.value for seen in self.series(metric)), default=None)

    def by(self, metric: AnyMetric, label: str) -> dict[str, float]:
        """Return the sums by a label."""
        sums: dict[str, float] = {}
        for seen in self.series(metric):
            value = seen.labels.get(label, "")
            sums[value] = sums.get(value, 0.0) + seen.value
        return sums

    def buckets(self, metric: AnyMetric, *by: str) -> dict[tuple[str, ...], dict[float, float]]:
        """Return a histogram's buckets over all processes, by the values of labels."""
        found: dict[tuple[str, ...], list[dict[float, float]]] = {}
        for seen in self.series(metric, "_bucket"):
            key = tuple(seen.labels.get(label, "") for label in by)
            found.setdefault(key, []).append({float(seen.labels["le"]): seen.value})
        return {key: summed(buckets) for key, buckets in found.items()}

    def all_buckets(self, metric: AnyMetric) -> dict[float, float]:
        """Return a histogram's buckets over all processes and labels."""
        return self.buckets(metric).get((), {})
