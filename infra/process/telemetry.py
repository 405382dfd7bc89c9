"""Logs and traces: one setup for every process, trace context in message headers."""

import json
import logging
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import metrics, propagate, trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

from infra.settings import Settings

_tracer = trace.get_tracer("daredevil")


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        context = trace.get_current_span().get_span_context()
        line = {
            "time": self.formatTime(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if context.is_valid:
            line["trace_id"] = f"{context.trace_id:032x}"
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def means_something(record: logging.LogRecord) -> bool:
    """Return whether to keep a log line: LiveKit's SDK logs closed data channels of a hang-up as errors.

    If they break during a call, it reconnects and logs that too.
    """
    return not (record.name == "livekit" and re.search(r"data channel '\w+' closed unexpectedly$", record.getMessage()))


def set_up_telemetry(name: str, settings: Settings) -> None:
    """Configure logging to stderr and tracing for the process `name`. Spans leave it only with an endpoint."""
    handler = logging.StreamHandler(sys.stderr)
    text = logging.Formatter(f"%(asctime)s %(levelname)-7s {name}: %(message)s", "%H:%M:%S")
    handler.setFormatter(_JsonLines() if settings.log_json else text)
    handler.addFilter(means_something)
    logging.basicConfig(level=settings.log_level, handlers=[handler], force=True)
    for chatty in ("faststream", "httpx", "httpx2", "openai", "nats", "livekit", "websockets", "uvicorn.access"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.getLevelName(settings.log_level)))
    provider = TracerProvider(resource=Resource.create({"service.name": f"daredevil-{name}"}))
    if settings.otlp_endpoint:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=settings.otlp_endpoint)))
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

        reader = PeriodicExportingMetricReader(OTLPMetricExporter(endpoint=_beside(settings.otlp_endpoint)))
        metrics.set_meter_provider(MeterProvider([reader], resource=provider.resource))
    trace.set_tracer_provider(provider)


def _beside(endpoint: str) -> str:
    """Return the endpoint for metrics if traces go to `endpoint`."""
    return endpoint.removesuffix("/").removesuffix("/v1/traces") + "/v1/metrics"


def trace_headers() -> dict[str, str]:
    """Return the headers that carry the current trace context to the receiver of the message."""
    headers: dict[str, str] = {}
    propagate.inject(headers)
    return headers


@contextmanager
def span(name: str, headers: Mapping[str, str] | None = None, **attributes: str) -> Iterator[None]:
    """Run a block as a span, a child of the context in `headers` where there is one."""
    context = propagate.extract(dict(headers)) if headers else None
    with _tracer.start_as_current_span(name, context=context, attributes=attributes):
        yield
