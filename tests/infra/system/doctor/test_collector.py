"""What the doctor says of the collector: that it takes what is sent, or why it does not."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from infra.settings import Settings
from infra.system.doctor.collector import telemetry
from infra.system.doctor.finding import Finding
from infra.system.nats import free_port
from tests.infra.telemetry.otlp_receiver import grpc_receiver, http_receiver


async def examined(endpoint: str) -> list[tuple[str, str, str]]:
    return [(each.subject, each.state, each.detail) for each in await telemetry(Settings(otlp_endpoint=endpoint))]


@contextmanager
def answering(status: int) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    serving = Thread(target=server.serve_forever, args=(0.01,))
    serving.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


async def test_a_collector_that_takes_both_signals() -> None:
    with http_receiver() as receiver:
        found = await examined(receiver.endpoint)
        assert [(subject, state) for subject, state, _ in found] == [("OTLP traces", "ok"), ("OTLP metrics", "ok")]
        assert sorted(receiver.paths) == ["/v1/metrics", "/v1/traces"]
        assert receiver.spans == []


async def test_a_collector_that_takes_traces_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    with grpc_receiver() as receiver:
        traces, metrics = await examined(receiver.endpoint)
    assert traces[1] == "ok"
    assert metrics[1] == "warning"
    assert metrics[2].endswith("(grpc) does not take them: it answers UNIMPLEMENTED")


@pytest.mark.parametrize(("status", "cause"), [(401, "it answers 401 Unauthorized"), (404, "it answers 404 Not Found")])
async def test_a_collector_that_refuses(status: int, cause: str) -> None:
    with answering(status) as url:
        for _, state, detail in await examined(url):
            assert (state, detail.endswith(f"does not take them: {cause}")) == ("warning", True), detail


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
async def test_where_nothing_listens(protocol: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
    for _, state, detail in await examined(f"http://127.0.0.1:{free_port()}"):
        assert (state, detail.partition(" does not take them: ")[2]) == ("warning", "nothing listens there")


async def test_a_certificate_that_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("none")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", str(tmp_path / "ca.pem"))
    with http_receiver() as receiver:
        for _, state, detail in await examined(receiver.endpoint.replace("http://", "https://")):
            assert state == "warning", detail


async def test_nothing_is_sent_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [found.state for found in await telemetry(Settings())] == ["ok"]
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318")
    assert await telemetry(Settings()) == [
        Finding(
            "OTLP",
            "missing",
            "OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318' is not a URL: write `http://host:4318` or `https://host`",
        )
    ]
