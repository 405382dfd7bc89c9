"""Logs and traces: where a turn has been can be followed from process to process."""

import json
import logging
from collections.abc import Iterator

import pytest
from opentelemetry import trace

from infra.settings import Settings
from infra.telemetry.setup import set_up_telemetry
from infra.telemetry.traces import span, trace_headers


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:], root.level = handlers, level


def test_a_span_taken_from_headers_belongs_to_the_same_trace() -> None:
    set_up_telemetry("one", Settings())
    with span("said"):
        headers = trace_headers()
        said = trace.get_current_span().get_span_context()
    with span("taken", headers, session="s-1"):
        taken = trace.get_current_span().get_span_context()
    assert headers["traceparent"].startswith(f"00-{said.trace_id:032x}-{said.span_id:016x}-")
    assert taken.trace_id == said.trace_id
    assert taken.span_id != said.span_id


@pytest.mark.parametrize("headers", [None, {}, {"traceparent": "rubbish"}])
def test_without_a_context_a_new_trace_begins(headers: dict[str, str] | None) -> None:
    set_up_telemetry("one", Settings())
    with span("taken", headers):
        assert trace.get_current_span().get_span_context().is_valid


def test_outside_of_spans_no_headers_are_sent() -> None:
    assert trace_headers() == {}


def test_log_lines_can_be_json_with_the_trace_they_belong_to(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_telemetry("one", Settings(log_json=True))
    with span("work"):
        trace_id = f"{trace.get_current_span().get_span_context().trace_id:032x}"
        logging.getLogger("infra.x").warning("went %s", "wrong")
    try:
        raise ValueError("why")
    except ValueError:
        logging.getLogger("infra.x").exception("failed")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    first, second = (line for line in lines if line["logger"] == "infra.x")
    assert (first["message"], first["level"], first["trace_id"]) == ("went wrong", "WARNING", trace_id)
    assert "ValueError: why" in second["exception"]
    assert "trace_id" not in second


def test_plain_log_lines_name_the_process(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_telemetry("reasoning", Settings())
    logging.getLogger("infra.x").info("ready")
    assert "INFO    reasoning: ready" in capsys.readouterr().err


def test_a_hang_up_is_no_error_but_what_else_livekit_says_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_telemetry("one", Settings())
    livekit = logging.getLogger("livekit")
    livekit.error("livekit::rtc_engine - publisher data channel '_reliable' closed unexpectedly")
    livekit.error("livekit::rtc_engine - signalling closed unexpectedly")
    shown = [line.split(" - ")[1] for line in capsys.readouterr().err.splitlines() if "livekit::" in line]
    assert shown == ["signalling closed unexpectedly"]
