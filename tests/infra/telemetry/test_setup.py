"""Logs and traces: where a turn has been can be followed from process to process."""

import asyncio
import json
import logging
from typing import Any

import pytest
from opentelemetry import trace

from infra.settings import Settings
from infra.telemetry.logs import FIELDS
from infra.telemetry.setup import set_up_telemetry
from infra.telemetry.traces import about, answering, handling, publishing, sender_of, span, trace_headers
from infra.telemetry.turns import span_context, trace_id_of
from tests.infra.log.copies import turn_ended
from tests.spans import RecordedSpans


def test_a_span_taken_from_headers_belongs_to_the_same_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    RecordedSpans(monkeypatch)
    with span("said"):
        headers = trace_headers()
        said = trace.get_current_span().get_span_context()
    with answering("it", headers):
        taken = trace.get_current_span().get_span_context()
    assert headers["traceparent"].startswith(f"00-{said.trace_id:032x}-{said.span_id:016x}-")
    assert taken.trace_id == said.trace_id
    assert taken.span_id != said.span_id


def test_a_process_that_exports_no_spans_makes_none_and_works_in_the_traces_all_the_same() -> None:
    set_up_telemetry("one", Settings())
    fact = turn_ended(1)
    with publishing(fact) as headers:
        sender = sender_of(headers)
        assert sender == span_context(fact.session_id, fact.turn_id)
        assert sender.trace_flags.sampled
    with handling("reasoning", fact, {"traceparent": f"00-{1:032x}-{2:016x}-01"}), span("work") as made:
        assert not made.is_recording()
        assert made.get_span_context().trace_id == trace_id_of(fact.session_id, fact.turn_id)
    assert not trace.get_current_span().get_span_context().is_valid


def test_outside_of_spans_no_headers_are_sent() -> None:
    assert trace_headers() == {}


def lines_of(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    return [line for line in lines if line["logger"] == "infra.x"]


def test_log_lines_can_be_json_with_the_session_and_trace_they_belong_to(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_telemetry("one", Settings(log_json=True))
    log = logging.getLogger("infra.x")
    with about("s-1", "t1"), span("work") as made:
        log.warning("went %s", "wrong", extra={FIELDS: {"gap_ms": 7}})
    log.info("idle")
    line, other = lines_of(capsys)
    assert (line["message"], line["level"], line["service"], line["gap_ms"]) == (
        "went wrong",
        "WARNING",
        "daredevil-one",
        7,
    )
    assert (line["session_id"], line["trace_id"]) == ("s-1", f"{trace_id_of('s-1', 't1'):032x}")
    assert line["span_id"] == f"{made.get_span_context().span_id:016x}"
    assert line["time"].endswith("Z")
    assert not {"session_id", "trace_id", "span_id"} & other.keys()


async def test_tasks_of_a_turn_log_with_its_trace(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_telemetry("one", Settings(log_json=True))

    async def work() -> None:
        logging.getLogger("infra.x").info("here")

    with about("s-1", "t1"):
        task = asyncio.create_task(work())
    await task
    (line,) = lines_of(capsys)
    assert (line["session_id"], line["trace_id"]) == ("s-1", f"{trace_id_of('s-1', 't1'):032x}")


@pytest.mark.parametrize("is_json", [True, False])
@pytest.mark.parametrize("level", ["INFO", "DEBUG"])
def test_an_exception_repeats_what_was_said_only_where_details_are_asked_for(
    capsys: pytest.CaptureFixture[str], is_json: bool, level: str
) -> None:
    set_up_telemetry("one", Settings.model_validate({"log_json": is_json, "log_level": level}))
    said = "".join(["my pin ", "is 4711"])
    try:
        raise ValueError(said)
    except ValueError:
        logging.getLogger("infra.x").exception("failed")
    told = capsys.readouterr().err
    assert "ValueError" in told
    assert "test_setup.py" in told
    assert (said in told) == (level == "DEBUG")


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
