"""What tests read of a process's metrics: an SDK with a reader in memory, for the length of a block."""

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry.sdk.metrics.export import InMemoryMetricReader, NumberDataPoint
from opentelemetry.sdk.resources import Resource

from infra.metrics.metric import AnyMetric
from infra.telemetry.metrics import recorded


class Read:
    """The metrics recorded within a block."""

    def __init__(self, reader: InMemoryMetricReader) -> None:
        self._reader = reader

    def series(self) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
        """Return the values by name and attributes: of a histogram how many values were recorded."""
        found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
        data = self._reader.get_metrics_data()
        for resource in data.resource_metrics if data is not None else ():
            for metric in (metric for scope in resource.scope_metrics for metric in scope.metrics):
                for point in metric.data.data_points:
                    value = point.value if isinstance(point, NumberDataPoint) else point.count
                    labels = tuple(sorted((key, str(each)) for key, each in (point.attributes or {}).items()))
                    found.setdefault(metric.name, {})[labels] = value
        return found

    def of(self, metric: AnyMetric, **labels: str) -> float:
        """Return the sum of the series of a metric that have these labels."""
        series = self.series().get(metric.name, {})
        return sum(value for attributes, value in series.items() if dict(attributes).items() >= labels.items())


@contextmanager
def read_metrics() -> Iterator[Read]:
    """Record metrics within a block, and read them."""
    reader = InMemoryMetricReader()
    with recorded([reader], Resource({"service.name": "daredevil-tests"})):
        yield Read(reader)
