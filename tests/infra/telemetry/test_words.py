"""No words leave a process with its spans, whoever made them."""

import json

import pytest
from opentelemetry.trace import StatusCode

from infra.telemetry.traces import span
from tests.infra.telemetry.conftest import SetUp
from tests.infra.telemetry.otlp_receiver import http_receiver

SECRET = "my pin is 4711"


def test_what_a_library_puts_into_its_spans_is_left_out(exporting: SetUp) -> None:
    from opentelemetry import trace

    with http_receiver() as receiver:
        export = exporting(otlp_endpoint=receiver.endpoint)
        library = trace.get_tracer("livekit-agents")
        with span("synthesis"), library.start_as_current_span("tts_request") as made:
            made.set_attribute("lk.pii.input_text", SECRET)
            made.set_attribute("gen_ai.input.messages", json.dumps([SECRET]))
            made.set_attribute("lk.tts.label", "piper")
            made.add_event("said", {"text": SECRET})
            made.add_link(made.get_span_context(), {"text": SECRET})
            made.set_status(StatusCode.ERROR, SECRET)
        export.finish()
        theirs = receiver.wait_for("tts_request")
        assert theirs.attributes == {"lk.tts.label": "piper"}
        assert theirs.is_error
        assert SECRET.encode() not in b"".join(receiver.raw)


def test_an_exception_is_its_class_and_where_it_came_from(exporting: SetUp) -> None:
    with http_receiver() as receiver:
        export = exporting(otlp_endpoint=receiver.endpoint)
        with pytest.raises(ValueError), span("reply"):
            raise ValueError(SECRET)
        export.finish()
        failed = receiver.wait_for("reply")
        sent = b"".join(receiver.raw)
        assert failed.is_error
        assert failed.attributes["error.type"] == "ValueError"
        assert b"test_words.py" in sent
        assert SECRET.encode() not in sent


def test_attributes_of_ones_own_tools_are_let_through_by_name(exporting: SetUp) -> None:
    with http_receiver() as receiver:
        export = exporting(otlp_endpoint=receiver.endpoint, trace_attributes="order.id, order.kind")
        with span("execute_tool order", attributes={"order.id": "17", "order.kind": "tea", "order.note": SECRET}):
            pass
        export.finish()
        assert receiver.wait_for("execute_tool order").attributes == {"order.id": "17", "order.kind": "tea"}
