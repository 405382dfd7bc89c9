"""Spans: how they are made, and the trace context in message headers."""

import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from opentelemetry import context as otel
from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.propagate import set_global_textmap
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Link, NonRecordingSpan, Span, SpanContext, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from contracts.events import Event
from infra.settings import Settings
from infra.telemetry.export import Export, export_of
from infra.telemetry.keeping import OF_CLIENT
from infra.telemetry.turns import (
    SESSION_ID,
    TURN_ID,
    about_session,
    context_in,
    context_of,
    span_context,
    trace_id_of,
    traceparent_of,
)

Attributes = Mapping[str, str | int | float | bool | Sequence[str]]

_tracer = trace.get_tracer("daredevil")
_given_ids: ContextVar[SpanContext | None] = ContextVar("given_ids", default=None)


class GivenIds(RandomIdGenerator):
    """Random ids, unless a span was given its own."""

    def generate_trace_id(self) -> int:
        """Return the trace id of a new root span."""
        given = _given_ids.get()
        return given.trace_id if given is not None else super().generate_trace_id()

    def generate_span_id(self) -> int:
        """Return the id of a new span."""
        given = _given_ids.get()
        return given.span_id if given is not None else super().generate_span_id()


class _Clock:
    """The time of spans, Unix epoch ns: that of the facts, once it is known (`use_time`)."""

    now_ns: Callable[[], int] = staticmethod(time.time_ns)


class _Recording:
    """Whether spans are made: not in a process that exports none."""

    is_on = True


def is_recording() -> bool:
    """Return whether this process makes spans."""
    return _Recording.is_on


def use_time(now_ns: Callable[[], int]) -> None:
    """Have spans use the time of facts, which all processes of a log agree on, whatever their machines' clocks show."""
    _Clock.now_ns = staticmethod(now_ns)


def set_up_traces(resource: Resource, settings: Settings) -> Export | None:
    """Configure tracing for this process; return its export, None if no span leaves it. Raises BadOtlp.

    Where spans are exported every one is recorded, whatever OTEL_TRACES_SAMPLER says: that one is applied when a turn
    has ended. A process that exports none makes none, as they would cost it 0.1 ms a fact; the facts that it appends
    name their turn's root span. What it does belongs to the same traces all the same, as its log lines show.
    """
    # Not W3C's baggage: whatever a client puts there would travel into every message.
    set_global_textmap(TraceContextTextMapPropagator())
    export = export_of(settings)
    _Recording.is_on = export is not None
    if export is not None:
        provider = TracerProvider(ALWAYS_ON, resource, shutdown_on_exit=False, id_generator=GivenIds())
        provider.add_span_processor(export)
        trace.set_tracer_provider(provider)
    return export


def trace_headers() -> dict[str, str]:
    """Return the headers that carry the current trace context to the receiver of the message."""
    headers: dict[str, str] = {}
    propagate.inject(headers)
    return headers


def sender_of(headers: Mapping[str, str] | None) -> SpanContext:
    """Return the span in which a message was sent; an invalid one if its headers name none."""
    context = propagate.extract(dict(headers or {}), Context())
    return trace.get_current_span(context).get_span_context()


@contextmanager
def span(
    name: str,
    context: Context | None = None,
    kind: SpanKind = SpanKind.INTERNAL,
    attributes: Attributes | None = None,
    links: Sequence[SpanContext] = (),
    given: SpanContext | None = None,
) -> Iterator[Span]:
    """Run a block as a span, a child of the current one, or of that of `context`; `given` has ids of its own.

    An exception is recorded by its class and where it was raised: its message may repeat what somebody said.
    """
    if not _Recording.is_on:
        with _within(context):
            yield trace.get_current_span()
        return
    made = begun(name, context, kind, attributes, links, given)
    within = trace.set_span_in_context(made, context)
    token = otel.attach(within)
    try:
        yield made
    except Exception as error:
        note_error(made, error)
        raise
    finally:
        otel.detach(token)
        made.end(_Clock.now_ns())


@contextmanager
def about(session_id: str, turn_id: str | None = None) -> Iterator[None]:
    """Run a block, and the tasks that are created in it, in the trace of a session or of one of its turns."""
    with _within(context_in(session_id, turn_id)):
        yield


@contextmanager
def _within(context: Context | None) -> Iterator[None]:
    token = otel.attach(context) if context is not None else None
    try:
        yield
    finally:
        if token is not None:
            otel.detach(token)


def begun(
    name: str,
    context: Context | None = None,
    kind: SpanKind = SpanKind.INTERNAL,
    attributes: Attributes | None = None,
    links: Sequence[SpanContext] = (),
    given: SpanContext | None = None,
    start_ns: int | None = None,
) -> Span:
    """Return a span that has begun, at `start_ns` (Unix epoch ns) if it is given; end it with `ended`."""
    if not _Recording.is_on:
        return trace.get_current_span(context)
    token = _given_ids.set(given)
    try:
        return _tracer.start_span(
            name,
            context,
            kind,
            dict(attributes or {}),
            [Link(each) for each in links if each.is_valid],
            start_ns if start_ns is not None else _Clock.now_ns(),
        )
    finally:
        _given_ids.reset(token)


def ended(made: Span, end_ns: int | None = None) -> None:
    """End a span, at `end_ns` (Unix epoch ns) if it is given."""
    made.end(end_ns if end_ns is not None else _Clock.now_ns())


def note_error(made: Span, error: BaseException) -> None:
    """Mark a span as failed: by the class of the exception, and the places in the code it came through."""
    kind = type(error).__qualname__
    places = [f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    made.set_status(StatusCode.ERROR, kind)
    made.set_attribute("error.type", kind)
    made.add_event("exception", {"exception.type": kind, "exception.stacktrace": "\n".join(places)}, _Clock.now_ns())


@contextmanager
def publishing(event: Event) -> Iterator[dict[str, str]]:
    """Run the storing of a fact as a span of its turn; yield the headers that carry it to whoever takes the fact."""
    if not _Recording.is_on:
        yield {"traceparent": traceparent_of(event.session_id, event.turn_id)}
        return
    context = in_turn(event.session_id, event.turn_id)
    with span(f"publish {type(event).__name__}", context, SpanKind.PRODUCER, {**ids_of(event), **_NATS}):
        yield trace_headers()


@contextmanager
def handling(consumer: str, event: Event, headers: Mapping[str, str] | None = None) -> Iterator[Span]:
    """Run the handling of a fact as a span of its turn: a child of the one in which it was stored."""
    if not _Recording.is_on:
        with about(event.session_id, event.turn_id):
            yield trace.get_current_span()
        return
    sender = sender_of(headers)
    own = span_context(event.session_id, event.turn_id)
    is_own = sender.trace_id == own.trace_id
    context = about_session(trace.set_span_in_context(NonRecordingSpan(sender), Context()), event.session_id)
    context = context if is_own else context_of(event)
    attributes: dict[str, Any] = {**ids_of(event), **_NATS, "messaging.consumer.group.name": consumer}
    links = () if is_own else (sender,)
    with span(f"{consumer} {type(event).__name__}", context, SpanKind.CONSUMER, attributes, links) as made:
        yield made


@contextmanager
def answering(request: str, headers: Mapping[str, str] | None, of_client: bool = False) -> Iterator[None]:
    """Run the answering of a request as a span of its sender's trace; nothing is recorded if the sender has none.

    The trace `of_client` is not ours: the client has decided whether it is kept.
    """
    sender = sender_of(headers)
    if not (sender.is_valid and sender.trace_flags.sampled):
        yield
        return
    context = trace.set_span_in_context(NonRecordingSpan(sender), Context())
    with span(f"answer {request}", context, SpanKind.SERVER, {OF_CLIENT: of_client}):
        yield


def asked_in() -> SpanContext | None:
    """Return the span in which the current request is answered, None if its client has named none."""
    current = trace.get_current_span()
    return current.get_span_context() if current.is_recording() else None


_NATS = {"messaging.system": "nats"}


def in_turn(session_id: str, turn_id: str | None) -> Context | None:
    """Return the context for a part of a turn: None, for the current one, if that is in the turn's trace already."""
    current = trace.get_current_span().get_span_context().trace_id
    return None if current == trace_id_of(session_id, turn_id) else context_in(session_id, turn_id)


def ids_of(event: Event) -> dict[str, str]:
    """Return the attributes with an event's ids."""
    ids = {SESSION_ID: event.session_id}
    return ids | {TURN_ID: event.turn_id} if event.turn_id else ids
