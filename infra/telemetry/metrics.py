"""Metrics of a process: recorded, served at `/metrics`, and sent to a collector if one is named."""

import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import AlwaysOffExemplarFilter, MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader
from opentelemetry.sdk.resources import Resource

from infra.metrics.process import process_measured
from infra.metrics.table import METRICS
from infra.process.exposition import registry
from infra.settings import Settings

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
    if settings.otlp_endpoint:
        readers.append(_pushing(settings.otlp_endpoint))
    with recorded(readers, Resource.create({"service.name": f"daredevil-{process}"})):
        async with process_measured():
            yield


def _pushing(endpoint: str) -> MetricReader:
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

    return PeriodicExportingMetricReader(OTLPMetricExporter(endpoint=_beside(endpoint)))


def _beside(endpoint: str) -> str:
    """Return the endpoint for metrics if traces go to `endpoint`."""
    return endpoint.removesuffix("/").removesuffix("/v1/traces") + "/v1/metrics"
