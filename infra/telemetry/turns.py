"""Which trace a turn has: computed from its ids, so that it need not be carried and every process agrees.

A turn's trace is found from its session id and turn id, and each of its spans carries both. A process that takes a
turn over after another has died, or that gets its events in another order, adds to the same trace. What belongs to no
turn (a session's opening, its tracks, its end) is in a trace of the session, to which the traces of its turns link.
"""

import hashlib
from functools import lru_cache

from opentelemetry import context as otel
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from contracts.events import Event

SESSION_ID, TURN_ID = "session.id", "daredevil.turn_id"
"""Names of the attributes with the ids."""

_SESSION = otel.create_key("daredevil-session")


def trace_id_of(session_id: str, turn_id: str | None) -> int:
    """Return the trace id of a turn; without a turn id, that of the session: the 128-bit BLAKE2b of the ids."""
    return int.from_bytes(_digest(f"{session_id}:{turn_id or ''}", 16)) or 1


def span_id_of(trace_id: int, what: str) -> int:
    """Return the id of the span in a trace that stands for `what`: there is one, and others find it."""
    return int.from_bytes(_digest(f"{trace_id:032x}:{what}", 8)) or 1


def _digest(text: str, size: int) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=size, person=b"daredevil-trace").digest()


@lru_cache(1024)
def span_context(session_id: str, turn_id: str | None, what: str = "root") -> SpanContext:
    """Return the context of a turn's root span, or of the span that stands for `what`; without a turn id, a session's.

    It is always marked as sampled: what is kept is decided when the turn has ended (`infra.telemetry.keeping`).
    """
    trace_id = trace_id_of(session_id, turn_id)
    return SpanContext(trace_id, span_id_of(trace_id, what), is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))


@lru_cache(1024)
def traceparent_of(session_id: str, turn_id: str | None) -> str:
    """Return the header that names a turn's root span; without a turn id, a session's. The form is W3C's."""
    root = span_context(session_id, turn_id)
    return f"00-{root.trace_id:032x}-{root.span_id:016x}-{root.trace_flags:02x}"


def context_of(event: Event) -> Context:
    """Return the context in which what is done about an event belongs: its turn's, else its session's."""
    return context_in(event.session_id, event.turn_id)


def context_in(session_id: str, turn_id: str | None = None, what: str = "root") -> Context:
    """Return a context whose current span is a turn's root, or another of its spans; without a turn id, a session's."""
    span = NonRecordingSpan(span_context(session_id, turn_id, what))
    return about_session(trace.set_span_in_context(span, Context()), session_id)


def about_session(context: Context, session_id: str) -> Context:
    """Return the context with the session that log lines written in it belong to."""
    return otel.set_value(_SESSION, session_id, context)


def session_here() -> str:
    """Return the session that the current context is about, empty if none is known."""
    return str(otel.get_value(_SESSION) or "")


def reply_span(reply_id: str) -> str:
    """Return what stands for the span in which a reply is written, see `span_id_of`."""
    return f"reply:{reply_id}"


def clause_span(reply_id: str, index: int) -> str:
    """Return what stands for the span in which a clause's sound is made, see `span_id_of`."""
    return f"clause:{reply_id}:{index}"
