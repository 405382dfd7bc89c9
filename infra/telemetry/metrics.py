"""Metrics of a process."""

from opentelemetry import metrics
from opentelemetry.sdk.resources import Resource

from infra.settings import Settings


def set_up_metrics(resource: Resource, settings: Settings) -> None:
    """Configure metrics for this process. They leave it only with an endpoint."""
    if not settings.otlp_endpoint:
        return
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

    reader = PeriodicExportingMetricReader(OTLPMetricExporter(endpoint=_beside(settings.otlp_endpoint)))
    metrics.set_meter_provider(MeterProvider([reader], resource=resource))


def _beside(endpoint: str) -> str:
    """Return the endpoint for metrics if traces go to `endpoint`."""
    return endpoint.removesuffix("/").removesuffix("/v1/traces") + "/v1/metrics"
