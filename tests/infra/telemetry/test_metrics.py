"""Metrics are pushed to a collector, the last ones when the process ends; one that is away holds up nothing."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from infra.metrics import table as t
from infra.process.exposition import exposition
from infra.settings import Settings
from infra.system.nats import free_port
from infra.telemetry.metrics import measured


@contextmanager
def collector(answers: bool = True) -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
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
                leave.wait(30)
                return
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    serving.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", sent
    finally:
        leave.set()
        server.shutdown()
        serving.join()
        server.server_close()


async def test_what_was_measured_last_is_pushed_when_the_process_ends() -> None:
    with collector() as (url, sent):
        async with measured("reasoning", Settings(otlp_endpoint=url)):
            t.TURNS.add(2, "http", "answered")
            assert b"daredevil_turns_total" in exposition()[0]  # pushed or not, it is served
    assert {path for path, _ in sent} == {"/v1/metrics"}
    request = ExportMetricsServiceRequest.FromString(sent[-1][1])
    (resource,) = request.resource_metrics
    about = {each.key: each.value.string_value for each in resource.resource.attributes}
    assert about["service.name"] == "daredevil-reasoning"
    metrics = {metric.name: metric for metric in resource.scope_metrics[0].metrics}
    (point,) = metrics[t.TURNS.name].sum.data_points
    assert point.as_double == 2 or point.as_int == 2
    assert {each.key: each.value.string_value for each in point.attributes} == {"door": "http", "outcome": "answered"}


async def test_a_collector_that_is_away_holds_up_no_end() -> None:
    began_s = time.monotonic()
    async with measured("reasoning", Settings(otlp_endpoint=f"http://127.0.0.1:{free_port()}")):
        t.TURNS.add(1, "http", "answered")
    assert time.monotonic() - began_s < 5


async def test_nor_does_one_that_hangs() -> None:
    with collector(answers=False) as (url, _):
        began_s = time.monotonic()
        async with measured("reasoning", Settings(otlp_endpoint=url)):
            t.TURNS.add(1, "http", "answered")
        assert time.monotonic() - began_s < 5
