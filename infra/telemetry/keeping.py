"""Which spans leave this process: a share of all traces, and every one that proves to be worth it.

A share is taken by the trace id, which is a hash: every process takes the same traces, without asking. The spans of
other traces wait until a fact of the turn says that it was slow, interrupted or failed, or that it is over. Every
process that exports spans hears those facts as they are stored (`infra.log.trace_verdicts`), so nobody collects the
spans of a trace in one place, and each decides alike.
"""

import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from threading import Lock

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.trace import StatusCode

from infra.telemetry.verdicts import Verdict

log = logging.getLogger(__name__)

MOST_SPANS = 10_000
"""Most spans that wait in a process, about 20 MB; beyond it the traces begun first are dropped."""

LATE_S = 5.0
"""How long a trace waits after its turn is over: a fact that is stored last may be worth keeping it."""

IDLE_S = 300.0
"""A trace to which nothing was added for this long is dropped: its end was not heard of."""

MOST_DECIDED = 20_000
"""How many traces that were kept or dropped are known, for the spans that end after that."""

OF_CLIENT = "daredevil.of_client"
"""Attribute of a span in the trace of somebody else, who has decided that it is kept."""

SWEEP_S = 1.0
TELL_S = 60.0


@dataclass(slots=True)
class _Waiting:
    spans: list[ReadableSpan] = field(default_factory=list)
    until_s: float = 0.0


def is_in_share(trace_id: int, ratio: float) -> bool:
    """Return whether a trace is in the share of all traces, as OpenTelemetry's TraceIdRatioBased decides."""
    return trace_id & 0xFFFF_FFFF_FFFF_FFFF < round(ratio * (1 << 64))


class Keeping(SpanProcessor):
    """Passes on to `exporting` what is kept. `ratio` is the share of traces that is kept whatever became of them."""

    def __init__(
        self,
        exporting: SpanProcessor,
        ratio: float,
        most_spans: int = MOST_SPANS,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.ratio = ratio
        self.dropped_spans = 0
        """How many spans were dropped although their turn's end was not known."""
        self._exporting = exporting
        self._most_spans = most_spans
        self._now_s = now_s
        self._lock = Lock()  # spans also end in other threads
        self._waiting: OrderedDict[int, _Waiting] = OrderedDict()
        self._spans = 0
        self._kept: OrderedDict[int, bool] = OrderedDict()
        """Traces that were decided on, and whether they are kept."""
        self._swept_s = self._told_s = now_s()

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Pass the beginning of a span on."""
        self._exporting.on_start(span, parent_context)

    def on_end(self, span: ReadableSpan) -> None:
        """Pass a span on, or have it wait."""
        if span.context is None or _is_stray(span):
            return
        for each in self._let_go(span, span.context.trace_id):
            self._exporting.on_end(each)

    def _let_go(self, span: ReadableSpan, trace_id: int) -> list[ReadableSpan]:
        """Return the spans that leave now that this one has ended."""
        if is_in_share(trace_id, self.ratio) or (span.attributes or {}).get(OF_CLIENT):
            return [span]
        with self._lock:
            self._sweep()
            if trace_id in self._kept:
                return [span] if self._kept[trace_id] else []
            self._wait(span, trace_id)
            return self._keep(trace_id) if span.status.status_code is StatusCode.ERROR else []

    def decide(self, trace_id: int, verdict: Verdict) -> None:
        """Take in what a fact says about a trace."""
        if is_in_share(trace_id, self.ratio):
            return
        with self._lock:
            self._sweep()
            if verdict == "over":
                self._waiting.setdefault(trace_id, _Waiting()).until_s = self._now_s() + LATE_S
                return
            spans = self._keep(trace_id)
        for each in spans:
            self._exporting.on_end(each)

    def shutdown(self) -> None:
        """Pass the end on; what waits is dropped with this process."""
        self._exporting.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Send what is kept."""
        return self._exporting.force_flush(timeout_millis)

    def _wait(self, span: ReadableSpan, trace_id: int) -> None:
        waiting = self._waiting.setdefault(trace_id, _Waiting(until_s=self._now_s() + IDLE_S))
        if waiting.until_s > self._now_s() + LATE_S:
            waiting.until_s = self._now_s() + IDLE_S
        waiting.spans.append(span)
        self._spans += 1
        while self._spans > self._most_spans:
            oldest = next(iter(self._waiting))
            self.dropped_spans += len(self._waiting[oldest].spans)
            self._settle(oldest, kept=False)

    def _keep(self, trace_id: int) -> list[ReadableSpan]:
        return self._settle(trace_id, kept=True)

    def _settle(self, trace_id: int, kept: bool) -> list[ReadableSpan]:
        """Note what is decided about a trace; return its spans, which wait no more."""
        self._kept[trace_id] = kept
        self._kept.move_to_end(trace_id)
        if len(self._kept) > MOST_DECIDED:
            self._kept.popitem(last=False)
        waiting = self._waiting.pop(trace_id, _Waiting())
        self._spans -= len(waiting.spans)
        return waiting.spans

    def _sweep(self) -> None:
        """Drop the traces whose time is over, and say how many spans had to go before."""
        now_s = self._now_s()
        if now_s - self._swept_s < SWEEP_S:
            return
        self._swept_s = now_s
        for trace_id in list(self._overdue(now_s)):
            self._settle(trace_id, kept=False)
        if self.dropped_spans and now_s - self._told_s > TELL_S:
            self._told_s = now_s
            log.warning(
                "%d spans were dropped before their turns ended, as more than %d waited: fewer traces than meant to be "
                "are kept",
                self.dropped_spans,
                self._most_spans,
            )
            self.dropped_spans = 0

    def _overdue(self, now_s: float) -> Iterator[int]:
        return (trace_id for trace_id, waiting in self._waiting.items() if waiting.until_s <= now_s)


def _is_stray(span: ReadableSpan) -> bool:
    """Return whether a span of a library belongs to nothing of ours: it would be a trace of its own."""
    scope = span.instrumentation_scope
    return span.parent is None and (scope is None or scope.name != "daredevil")
