"""Keeps words out of spans: what leaves a process has only the attributes that are known to hold none.

Libraries put what was said into their spans: livekit-agents each clause (`lk.pii.input_text`), instrumentations of
language models the whole conversation, exceptions whatever was refused. So attributes are let through by name.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import Link, Status, StatusCode

OWN = "daredevil."
"""Attributes of our own hold ids, figures and names of engines, never what somebody said (`tests/e2e` looks)."""

KNOWN = frozenset(
    {
        "session.id",
        # failures
        "error.type",
        "exception.type",
        # messaging
        "messaging.system",
        "messaging.operation.type",
        "messaging.operation.name",
        "messaging.destination.name",
        "messaging.destination.template",
        "messaging.consumer.group.name",
        "messaging.message.id",
        "messaging.message.body.size",
        # language models, without what they are given and write
        "gen_ai.operation.name",
        "gen_ai.provider.name",
        "gen_ai.request.model",
        "gen_ai.request.max_tokens",
        "gen_ai.request.temperature",
        "gen_ai.request.stream",
        "gen_ai.response.model",
        "gen_ai.response.id",
        "gen_ai.response.finish_reasons",
        "gen_ai.response.time_to_first_chunk",
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.output_tokens",
        "gen_ai.usage.cache_read.input_tokens",
        "gen_ai.usage.reasoning.output_tokens",
        "gen_ai.output.type",
        "gen_ai.tool.name",
        "gen_ai.tool.type",
        "gen_ai.tool.call.id",
        "gen_ai.agent.name",
        "gen_ai.conversation.id",
        # HTTP and networks, without URLs: a query may hold anything
        "http.request.method",
        "http.response.status_code",
        "http.route",
        "server.address",
        "server.port",
        "network.protocol.name",
        "network.protocol.version",
        "network.transport",
        "db.system.name",
        "rpc.system",
        "rpc.method",
        # livekit-agents
        "lk.speech_id",
        "lk.retry_count",
        "lk.provider_request_ids",
        "lk.tts.streaming",
        "lk.tts.label",
        "lk.response.ttfb",
        "lk.job_id",
        "lk.room_sid",
        "lk.fallback.label",
        "lk.fallback.index",
        "lk.blocking.duration",
    }
)

OUR_SCOPE = "daredevil"


def is_wordless(name: str, further: frozenset[str] = frozenset()) -> bool:
    """Return whether an attribute of this name is known to hold no words; `further` are names that a setting adds."""
    return name in KNOWN or name in further or name.startswith(OWN)


def without_words(span: ReadableSpan, further: frozenset[str] = frozenset()) -> ReadableSpan:
    """Return a span with only the attributes that hold no words, of its own, its events and its links."""
    is_ours = span.instrumentation_scope is not None and span.instrumentation_scope.name == OUR_SCOPE
    events = tuple(
        Event(event.name, _only(event.attributes, further, stack=is_ours), event.timestamp) for event in span.events
    )
    links = tuple(Link(link.context, _only(link.attributes, further)) for link in span.links)
    # What stands behind the status is the message of an exception, but for ours, which is its class.
    is_error = span.status.status_code is StatusCode.ERROR
    description = span.status.description if is_ours and is_error else None
    return ReadableSpan(
        span.name,
        span.context,
        span.parent,
        span.resource,
        _only(span.attributes, further),
        events,
        links,
        kind=span.kind,
        status=Status(span.status.status_code, description),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _only(attributes: Mapping[str, Any] | None, further: frozenset[str], stack: bool = False) -> BoundedAttributes:
    """Return the attributes that may leave; a stack only of ours, which has no messages."""
    kept: Iterable[tuple[str, Any]] = (
        (name, value)
        for name, value in (attributes or {}).items()
        if is_wordless(name, further) or (stack and name == "exception.stacktrace")
    )
    return BoundedAttributes(attributes=dict(kept), immutable=False)
