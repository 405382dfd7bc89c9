"""Metrics are pushed to a collector, the last ones when the process ends; one that is away holds up nothing."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

from infra.metrics import table as t
from infra.metrics.metric import one
from infra.process.exposition import exposition
from infra.settings import Settings
from infra.system.nats import free_port
from infra.telemetry.metrics import measured
from tests.waiting import until


@contextmanager
def collector(answers: bool = True, port: int = 0) -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """Run a collector; yield its address and what it was sent. One that does not answer hangs."""
    sent: list[tuple[str, bytes]] = []
    leave = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                import gzip

                body = gzip.decompress(body)
            sent.append((self.path, body))
            if not answers:
                leave.wait(300)
                return
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    serving.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", sent
    finally:
        leave.set()
        server.shutdown()
        serving.join()
        server.server_close()


def metrics_in(body: bytes) -> dict[str, Metric]:
    """Return the metrics of one push, by name."""
    (resource,) = ExportMetricsServiceRequest.FromString(body).resource_metrics
    return {metric.name: metric for metric in resource.scope_metrics[0].metrics}


async def test_what_was_measured_last_is_pushed_when_the_process_ends() -> None:
    with collector() as (url, sent):
        async with measured("reasoning", Settings(otlp_endpoint=url)):
            t.TURNS.add(2, "http", "answered")
            assert b"daredevil_turns_total" in exposition()[0]  # pushed or not, it is served
    assert {path for path, _ in sent} == {"/v1/metrics"}
    (resource,) = ExportMetricsServiceRequest.FromString(sent[-1][1]).resource_metrics
    about = {each.key: each.value.string_value for each in resource.resource.attributes}
    assert about["service.name"] == "daredevil-reasoning"
    metrics = metrics_in(sent[-1][1])
    (point,) = metrics[t.TURNS.name].sum.data_points
    assert point.as_double == 2 or point.as_int == 2
    assert {each.key: each.value.string_value for each in point.attributes} == {"door": "http", "outcome": "answered"}


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have metrics pushed often."""
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "50")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.2")


@pytest.mark.usefixtures("often")
async def test_whether_a_process_is_ready_is_pushed_as_a_number_with_all_else_while_it_runs() -> None:
    with collector() as (url, sent):
        async with measured("reasoning", Settings(otlp_endpoint=url)):
            t.TURNS.add(2, "http", "answered")
            with t.READY.observed_by(one(lambda: True)):
                before = len(sent)
                await until(lambda: len(sent) > before + 1)
                metrics = metrics_in(sent[-1][1])
    (point,) = metrics[t.READY.name].gauge.data_points
    assert point.as_int == 1
    assert t.TURNS.name in metrics


@pytest.mark.usefixtures("often")
async def test_a_collector_that_is_away_is_logged_once_and_once_more_when_it_is_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    port = free_port()

    def lines() -> list[str]:
        found = [record.getMessage() for record in caplog.records if record.name == "infra.telemetry.otlp"]
        return [line.partition(" http")[0] for line in found]

    async with measured("reasoning", Settings(otlp_endpoint=f"http://127.0.0.1:{port}")):
        t.TURNS.add(1, "http", "answered")
        await until(lambda: bool(lines()))
        with collector(port=port) as (_, sent):
            await until(lambda: len(sent) > 2)
            assert lines() == ["metrics do not reach", "metrics reach"]


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the exporter by itself try for ten minutes: what ends within one was ended by us."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "600")


@pytest.mark.slow
@pytest.mark.usefixtures("patient")
async def test_a_collector_that_is_away_holds_up_no_end() -> None:
    began_s = time.monotonic()
    async with measured("reasoning", Settings(otlp_endpoint=f"http://127.0.0.1:{free_port()}")):
        t.TURNS.add(1, "http", "answered")
    assert time.monotonic() - began_s < 60


@pytest.mark.slow
@pytest.mark.usefixtures("patient")
async def test_nor_does_one_that_hangs() -> None:
    with collector(answers=False) as (url, _):
        began_s = time.monotonic()
        async with measured("reasoning", Settings(otlp_endpoint=url)):
            t.TURNS.add(1, "http", "answered")
        assert time.monotonic() - began_s < 60
