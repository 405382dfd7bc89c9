"""Sends spans to a collector: without words, those that are kept, in the background."""

import os
import threading
from collections.abc import Mapping, Sequence

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from infra.settings import Settings
from infra.telemetry.keeping import Keeping
from infra.telemetry.otlp import BadOtlp, Otlp, Reached, otlp_of
from infra.telemetry.words import without_words

LAST_S = 1.5
"""How long a process that ends waits for its last spans to be sent."""


class WordlessExporter(SpanExporter):
    """Sends spans without words, and logs once that they do not arrive."""

    def __init__(self, exporter: SpanExporter, reached: Reached, further: frozenset[str]) -> None:
        self._exporter = exporter
        self._reached = reached
        self._further = further

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send spans."""
        result = self._exporter.export([without_words(span, self._further) for span in spans])
        self._reached.note(result is SpanExportResult.SUCCESS)
        return result

    def shutdown(self) -> None:
        """Send nothing more, and try nothing again."""
        self._exporter.shutdown()


class Export(Keeping):
    """What is kept of a process's spans, and sent."""

    def __init__(self, exporter: SpanExporter, ratio: float, slow_ms: float) -> None:
        super().__init__(BatchSpanProcessor(exporter), ratio)
        self.slow_ms = slow_ms
        self._exporter = exporter

    def finish(self, patience_s: float = LAST_S) -> None:
        """Send what is left, for `patience_s` at most: a collector that is away holds up no end of a process."""
        sending = threading.Thread(target=self.shutdown, name="last spans", daemon=True)
        sending.start()
        sending.join(patience_s)
        if sending.is_alive():
            self._exporter.shutdown()


def export_of(settings: Settings) -> Export | None:
    """Return the export that the settings name, None if there is none. Raises BadOtlp."""
    otlp = otlp_of(settings, "traces")
    ratio = ratio_of(settings)
    if otlp is None or ratio is None:
        return None
    further = frozenset(name.strip() for name in settings.trace_attributes.split(",") if name.strip())
    exporter = WordlessExporter(span_exporter(otlp), Reached("traces", otlp), further)
    return Export(exporter, ratio, settings.trace_slow_ms)


def span_exporter(otlp: Otlp, timeout_s: float | None = None) -> SpanExporter:
    """Return the exporter of a protocol, which is imported only here: gRPC takes 19 MB, HTTP 10.

    Without a timeout it has that of the standard variables.
    """
    if otlp.protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter

        return GrpcExporter(otlp.endpoint, timeout=timeout_s)
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter

    return HttpExporter(otlp.endpoint, timeout=timeout_s)


def ratio_of(settings: Settings, environment: Mapping[str, str] = os.environ) -> float | None:
    """Return which share of all traces is kept whatever became of their turns; None if no trace at all.

    OTEL_TRACES_SAMPLER counts unless DAREDEVIL_TRACE_RATIO is set. Raises BadOtlp.
    """
    if settings.trace_ratio is not None:
        return settings.trace_ratio
    sampler = environment.get("OTEL_TRACES_SAMPLER", "").strip().lower().removeprefix("parentbased_")
    if sampler in ("", "always_on"):
        return 1.0
    if sampler == "always_off":
        return None
    if sampler != "traceidratio":
        raise BadOtlp(
            f"OTEL_TRACES_SAMPLER: {sampler!r} is not supported: write `always_on`, `always_off` or `traceidratio` "
            "(with OTEL_TRACES_SAMPLER_ARG), or set DAREDEVIL_TRACE_RATIO"
        )
    argument = environment.get("OTEL_TRACES_SAMPLER_ARG", "1")
    try:
        ratio = float(argument)
    except ValueError:
        ratio = -1.0
    if not 0 <= ratio <= 1:
        raise BadOtlp(f"OTEL_TRACES_SAMPLER_ARG: {argument!r} is not a number from 0 to 1")
    return ratio
