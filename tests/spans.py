"""The spans that code under test makes, kept in memory."""

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from infra.telemetry.traces import GivenIds


class RecordedSpans:
    """What was recorded since it was created; `monkeypatch` ends that with the test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._kept = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False, id_generator=GivenIds())
        provider.add_span_processor(SimpleSpanProcessor(self._kept))
        monkeypatch.setattr("infra.telemetry.traces._Recording.is_on", True)
        monkeypatch.setattr("infra.telemetry.traces._tracer", provider.get_tracer("daredevil"))

    def named(self, name: str) -> list[ReadableSpan]:
        """Return the spans of this name, in the order in which they ended."""
        return [span for span in self._kept.get_finished_spans() if span.name == name]

    def the(self, name: str) -> ReadableSpan:
        """Return the only span of this name."""
        (span,) = self.named(name)
        return span

    def path_of(self, span: ReadableSpan) -> list[str]:
        """Return the names from a span up to the last one above it that was recorded."""
        by_id = {each.context.span_id: each for each in self._kept.get_finished_spans() if each.context}
        names = [span.name]
        while span.parent is not None and span.parent.span_id in by_id:
            span = by_id[span.parent.span_id]
            names.append(span.name)
        return names

    def all(self) -> tuple[ReadableSpan, ...]:
        """Return every span."""
        return self._kept.get_finished_spans()
