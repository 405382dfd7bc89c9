"""Spans, and the trace context in message headers."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import propagate, trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

from infra.settings import Settings

_tracer = trace.get_tracer("daredevil")


def set_up_traces(resource: Resource, settings: Settings) -> None:
    """Configure tracing for this process. Spans leave it only with an endpoint."""
    provider = TracerProvider(resource=resource)
    if settings.otlp_endpoint:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=settings.otlp_endpoint)))
    trace.set_tracer_provider(provider)


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
