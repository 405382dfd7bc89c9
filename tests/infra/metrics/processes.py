"""Processes of a system for tests that read their metrics: HTTP servers that answer what a test gives them."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@contextmanager
def serving(metrics: str | None) -> Iterator[str]:
    """Serve a process's metrics, or hang if there are none; yield `host:port`."""
    leave = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if metrics is None:
                leave.wait(30)
                return
            found = self.path == "/metrics"
            body = metrics.encode() if found else b"elsewhere"
            self.send_response(200 if found else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        leave.set()
        server.shutdown()
        thread.join()
        server.server_close()


def exposed(values: Mapping[str, float], process: str = "bridge") -> str:
    """Return an exposition of gauges."""
    lines = [f'{name}{{service_name="daredevil-{process}"}} {value}' for name, value in values.items()]
    return "\n".join(lines) + "\n"
