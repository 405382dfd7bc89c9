"""Metrics of a process: recorded, served at `/metrics`, and sent to a collector if one is named."""

import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import AlwaysOffExemplarFilter, MeterProvider
from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult, MetricReader, MetricsData
from opentelemetry.sdk.resources import Resource

from infra.metrics.process import process_measured
from infra.metrics.table import METRICS
from infra.process.exposition import registry
from infra.settings import Settings
from infra.telemetry.otlp import Otlp, Reached, otlp_of
from infra.telemetry.resource import resource_of

SCOPE = "daredevil"
LAST_S = 1.5
"""How long a process that ends waits until its last metrics are sent."""

PROCESS_LABELS = ("service.name",)
"""Attributes of the process that each of its series has: a query needs no join to tell processes apart."""


@contextmanager
def recorded(readers: Sequence[MetricReader], resource: Resource) -> Iterator[None]:
    """Record what the program measures within a block, with an SDK of its own: libraries cannot add to it.

    Without that, nothing is recorded: in tests, in a replay, in a command. One block at a time counts.
    """
    provider = MeterProvider(list(readers), resource, shutdown_on_exit=False, exemplar_filter=AlwaysOffExemplarFilter())
    meter = provider.get_meter(SCOPE)
    for metric in METRICS:
        metric.bind(meter)
    try:
        yield
    finally:
        for metric in METRICS:
            metric.unbind()
        _finish(provider)


def _finish(provider: MeterProvider) -> None:
    """Send what was measured last, for LAST_S at most: a collector that is away holds up no end of a process."""
    sending = threading.Thread(target=provider.shutdown, name="last metrics", daemon=True)
    sending.start()
    sending.join(LAST_S)


@asynccontextmanager
async def measured(process: str, settings: Settings) -> AsyncIterator[None]:
    """Measure the process of this name within a block. If another app in it is measured already, that is enough."""
    if METRICS[0].is_bound:
        yield
        return
    readers: list[MetricReader] = [
        PrometheusMetricReader(
            scope_info_enabled=False, resource_attribute_filter=PROCESS_LABELS.__contains__, registry=registry
        )
    ]
    if (otlp := otlp_of(settings, "metrics")) is not None:
        readers.append(_pushing(otlp))
    with recorded(readers, resource_of(process)):
        async with process_measured():
            yield


class NotedExporter(MetricExporter):
    """Sends metrics, and logs once that they do not arrive."""

    def __init__(self, exporter: MetricExporter, reached: Reached) -> None:
        super().__init__(exporter._preferred_temporality, exporter._preferred_aggregation)
        self._exporter = exporter
        self._reached = reached

    def export(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **further: Any) -> MetricExportResult:
        """Send metrics."""
        result = MetricExportResult.FAILURE
        try:
            result = self._exporter.export(metrics_data, timeout_millis, **further)
        finally:
            self._reached.note(result is MetricExportResult.SUCCESS)
        return result

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Send what waits."""
        return self._exporter.force_flush(timeout_millis)

    def shutdown(self, timeout_millis: float = 30_000, **further: Any) -> None:
        """Send nothing more, and try nothing again."""
        self._exporter.shutdown(timeout_millis, **further)


def _pushing(otlp: Otlp) -> MetricReader:
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

    return PeriodicExportingMetricReader(NotedExporter(metric_exporter(otlp), Reached("metrics", otlp)))


def metric_exporter(otlp: Otlp, timeout_s: float | None = None) -> MetricExporter:
    """Return the exporter of a protocol. Without a timeout it has that of the standard variables."""
    if otlp.protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcExporter

        return GrpcExporter(otlp.endpoint, timeout=timeout_s)
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as HttpExporter

    return HttpExporter(otlp.endpoint, timeout=timeout_s)
