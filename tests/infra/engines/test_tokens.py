"""Counting tokens by the local model's server, which may be away."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

from infra.engines.llm import LOCAL
from infra.engines.tokens import REST_S, Counted, TokenCounter
from infra.settings import Settings
from infra.system.nats import free_port


class CountsLetters(BaseHTTPRequestHandler):
    """Answers as llama.cpp's server does, with a token for each letter."""

    def do_POST(self) -> None:
        text = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["content"]
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"tokens": list(range(len(text)))}).encode())

    def log_message(self, *_: object) -> None:
        """Be quiet."""


@contextmanager
def serving(port: int) -> Iterator[None]:
    server = HTTPServer(("127.0.0.1", port), CountsLetters)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


async def test_a_server_that_does_not_answer_is_left_alone_for_a_while() -> None:
    now_s, port = 100.0, free_port()
    counter = TokenCounter(Settings(llm_url=f"http://127.0.0.1:{port}"), clock=lambda: now_s)
    bound, exact = Counted([2, 3], are_exact=False), Counted([1, 3], are_exact=True)
    assert await counter.counted(LOCAL, ["é", "one"]) == bound
    with serving(port):
        now_s += REST_S / 2
        assert await counter.counted(LOCAL, ["é", "one"]) == bound
        now_s += REST_S
        assert await counter.counted(LOCAL, ["é", "one"]) == exact
    assert await counter.counted(LOCAL, ["one", "é"]) == Counted([3, 1], are_exact=True)
