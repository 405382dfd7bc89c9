"""Whether the collector that traces and metrics are sent to takes them."""

import asyncio
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager

from infra.settings import Settings
from infra.system.doctor.finding import Finding
from infra.telemetry.otlp import BadOtlp, Otlp, otlp_of
from infra.telemetry.otlp_variables import Signal

PATIENCE_S = 3.0
SIGNALS: tuple[Signal, ...] = ("traces", "metrics")


async def telemetry(settings: Settings) -> list[Finding]:
    """Send the collector nothing, once of each signal, in the way in which the processes send."""
    findings: list[Finding] = []
    try:
        ends = {signal: otlp for signal in SIGNALS if (otlp := otlp_of(settings, signal)) is not None}
    except BadOtlp as error:
        return [Finding("OTLP", "missing", str(error))]
    if not ends:
        return [Finding("OTLP", "ok", "off: traces and metrics are sent nowhere (DAREDEVIL_OTLP_ENDPOINT)")]
    for signal, otlp in ends.items():
        problem = await asyncio.to_thread(_refusal, signal, otlp)
        where = f"{otlp.endpoint} ({otlp.protocol})"
        if problem:
            variables = "DAREDEVIL_OTLP_ENDPOINT, or OTEL_EXPORTER_OTLP_…"
            remedy = f"start the collector, or correct its address ({variables}); calls go on without"
            findings.append(Finding(f"OTLP {signal}", "warning", f"{where} does not take them: {problem}", remedy))
        else:
            findings.append(Finding(f"OTLP {signal}", "ok", f"{where} takes them"))
    return findings


def _refusal(signal: Signal, otlp: Otlp) -> str:
    """Return why a collector does not take a signal, empty if it does."""
    from opentelemetry.sdk.metrics.export import MetricExportResult, MetricsData
    from opentelemetry.sdk.trace.export import SpanExportResult

    from infra.telemetry.export import span_exporter
    from infra.telemetry.metrics import metric_exporter

    with _said() as said:
        try:
            if signal == "traces":
                is_taken = span_exporter(otlp, PATIENCE_S).export([]) is SpanExportResult.SUCCESS
            else:
                sent = metric_exporter(otlp, PATIENCE_S).export(MetricsData([]))
                is_taken = sent is MetricExportResult.SUCCESS
        except Exception as error:  # a certificate that is none, for instance
            return in_short(f"{type(error).__name__}: {error}")
    return "" if is_taken else in_short("\n".join(said))


_CAUSES = (
    (r"(?i)connection refused", "nothing listens there"),
    (r"(?i)name or service not known|name resolution|failed to resolve|DNS resolution", "its host is not known"),
    (r"(?i)(CERTIFICATE_VERIFY_FAILED[^)\n]*|SSL_ERROR\w*|WRONG_VERSION_NUMBER)", r"TLS fails: \1"),
    (r"batch code: (\d+), reason: (.*)", r"it answers \1 \2"),
    (r"(?i)timed? ?out|DEADLINE_EXCEEDED", f"no answer within {PATIENCE_S:g} s"),
    (r"StatusCode\.(?!UNAVAILABLE)(\w+)", r"it answers \1"),
    (r"Transient error (.{1,200}?) encountered", r"\1"),
)


def in_short(said: str) -> str:
    """Return why nothing was taken, from what an exporter logs."""
    for pattern, cause in _CAUSES:
        if found := re.search(pattern, said):
            return found.expand(cause)
    return said.partition("\n")[0][:200] or f"no answer within {PATIENCE_S:g} s"


@contextmanager
def _said() -> Iterator[list[str]]:
    """Collect what the exporters of the SDK log in the block, first what went wrong first; nobody else reads it."""
    said: list[str] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    exporters, kept = logging.getLogger("opentelemetry.exporter"), Kept(logging.WARNING)
    was = exporters.propagate, exporters.level
    exporters.addHandler(kept)
    exporters.propagate = False
    exporters.setLevel(logging.WARNING)
    try:
        yield said
    finally:
        exporters.removeHandler(kept)
        exporters.propagate = was[0]
        exporters.setLevel(was[1])
