"""Real OTLP receivers, over HTTP and over gRPC, that keep the spans that they are sent."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)


@dataclass(frozen=True)
class ReceivedSpan:
    """A span as a collector sees it."""

    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    kind: int
    start_ns: int
    end_ns: int
    attributes: dict[str, Any]
    links: tuple[str, ...]
    """Trace ids that it links to."""
    is_error: bool


@dataclass
class Receiver:
    """What arrived so far; `endpoint` is its base URL."""

    endpoint: str = ""
    spans: list[ReceivedSpan] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    def take(self, body: bytes) -> None:
        self.raw.append(body)
        self.spans.extend(_spans(ExportTraceServiceRequest.FromString(body)))

    def named(self, name: str) -> list[ReceivedSpan]:
        return [span for span in self.spans if span.name == name]

    def wait_for(self, name: str, patience_s: float = 10) -> ReceivedSpan:
        """Return the first span of this name, once it is there."""
        deadline_s = time.monotonic() + patience_s
        while not self.named(name):
            assert time.monotonic() < deadline_s, f"no span {name}: {[span.name for span in self.spans]}"
            time.sleep(0.01)
        return self.named(name)[0]


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    found: Any = getattr(value, kind) if kind else None
    return [_value(each) for each in found.values] if kind == "array_value" else found


def _spans(request: ExportTraceServiceRequest) -> Iterator[ReceivedSpan]:
    for resource in request.resource_spans:
        about = {each.key: _value(each.value) for each in resource.resource.attributes}
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield ReceivedSpan(
                    about.get("service.name", ""),
                    span.name,
                    span.trace_id.hex(),
                    span.span_id.hex(),
                    span.parent_span_id.hex(),
                    span.kind,
                    span.start_time_unix_nano,
                    span.end_time_unix_nano,
                    {each.key: _value(each.value) for each in span.attributes},
                    tuple(link.trace_id.hex() for link in span.links),
                    span.status.code == 2,
                )


@contextmanager
def http_receiver(port: int = 0) -> Iterator[Receiver]:
    """Receive OTLP over HTTP at `/v1/traces`, on a free port unless one is given."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.paths.append(self.path)
            receiver.headers.append(dict(self.headers))
            if self.path == "/v1/traces":
                receiver.take(body)
            self.send_response(200 if self.path.startswith("/v1/") else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    receiver.endpoint = f"http://127.0.0.1:{server.server_port}"
    serving = threading.Thread(target=server.serve_forever, args=(0.01,))
    serving.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


@contextmanager
def grpc_receiver() -> Iterator[Receiver]:
    """Receive OTLP over gRPC."""
    receiver = Receiver()

    class Servicer(TraceServiceServicer):
        def Export(
            self, request: ExportTraceServiceRequest, context: grpc.ServicerContext
        ) -> ExportTraceServiceResponse:
            receiver.headers.append({key: str(value) for key, value in context.invocation_metadata()})
            receiver.take(request.SerializeToString())
            return ExportTraceServiceResponse()

    server = grpc.server(ThreadPoolExecutor(2))
    add_TraceServiceServicer_to_server(Servicer(), server)  # type: ignore[no-untyped-call]
    receiver.endpoint = f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield receiver
    finally:
        server.stop(0).wait()
