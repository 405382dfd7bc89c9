"""The probes of a process, over HTTP on a port of their own: `/healthz`, `/readyz` and `/metrics`.

Kubernetes, Prometheus and whoever else asks a process directly ask here. All answers come from the event loop of the
process, so one that hangs answers none of them.
"""

import asyncio
import contextlib
import json
import logging
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from http import HTTPStatus
from pathlib import Path

import uvicorn
from uvicorn._types import ASGI3Application, ASGIReceiveCallable, ASGISendCallable, Scope

from infra.cannot_run import CannotRun
from infra.process.exposition import exposition
from infra.process.uvicorn_server import UvicornServer
from infra.settings import Settings

log = logging.getLogger(__name__)

PROBES_DIR = "DAREDEVIL_PROBES_DIR"
"""Environment variable: the folder in which a process notes where its probes are (`ProbeNote`), for its supervisor."""

LIVE, READY, METRICS = "/healthz", "/readyz", "/metrics"
MOST_CONNECTIONS = 32
"""More are answered with 503: probes and scrapes are few."""
KEEP_ALIVE_S = 75
"""Longer than the interval between two scrapes, which is 15 to 60 s as a rule."""
GRACE_S = 1
PLAIN = "text/plain; charset=utf-8"
JSON = "application/json"

Problem = Callable[[], Awaitable[str]]
"""Returns why the process cannot do its work, empty if it can; within 0.8 s, as many probes wait 1 s only."""


class ProbePortInUse(CannotRun, OSError):
    """The address of the probes cannot be listened on; the message says which setting to change."""


@dataclass(frozen=True, slots=True)
class ProbeNote:
    """Where the probes of a process are; the file `<name>.<pid>` in PROBES_DIR has it as JSON."""

    process: str
    pid: int
    address: str
    """`host:port`"""

    def path(self, folder: Path) -> Path:
        """Return where the note is."""
        return folder / f"{self.process}.{self.pid}"


@asynccontextmanager
async def probes_served(process: str, settings: Settings, problem: Problem) -> AsyncIterator[None]:
    """Serve the probes within a block, if DAREDEVIL_PROBE_PORT says so. Raises ProbePortInUse."""
    if settings.probe_port is None:
        yield
        return
    listening = _listen(settings.probe_host, settings.probe_port)
    config = uvicorn.Config(
        _probes(problem),
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
    )
    server = UvicornServer(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]), name="probes")
    try:
        host, port = listening.getsockname()[:2]
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        log.info("probes and metrics at http://%s", address)
        with _noted(ProbeNote(process, os.getpid(), address)):
            yield
    finally:
        server.should_exit = True
        await asyncio.gather(serving, return_exceptions=True)


def _probes(problem: Problem) -> ASGI3Application:
    async def app(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        if scope["type"] != "http":
            return
        if scope["method"] not in ("GET", "HEAD"):
            status, body, kind = HTTPStatus.METHOD_NOT_ALLOWED, b"only GET and HEAD\n", PLAIN
        else:
            status, body, kind = await _answer(scope["path"], problem)
        headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers, "trailers": False})
        await send({"type": "http.response.body", "body": body, "more_body": False})

    return app


async def _answer(path: str, problem: Problem) -> tuple[HTTPStatus, bytes, str]:
    if path == LIVE:
        return HTTPStatus.OK, b'{"status": "ok"}\n', JSON
    if path == READY:
        if why := await problem():
            answer = {"status": "not ready", "problem": why}
            return HTTPStatus.SERVICE_UNAVAILABLE, json.dumps(answer).encode() + b"\n", JSON
        return HTTPStatus.OK, b'{"status": "ready"}\n', JSON
    if path == METRICS:
        return HTTPStatus.OK, *exposition()
    return HTTPStatus.NOT_FOUND, f"{LIVE}, {READY} and {METRICS} are here\n".encode(), PLAIN


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise ProbePortInUse(
            f"cannot listen on {host}:{port} for probes ({error.strerror or error}): set DAREDEVIL_PROBE_PORT to "
            "another port (0 takes any free one, empty serves none), or DAREDEVIL_PROBE_HOST to an address of this "
            "machine"
        ) from error


@contextlib.contextmanager
def _noted(note: ProbeNote) -> Iterator[None]:
    """Keep the note within a block, where a supervisor wants it; it removes what a killed process leaves."""
    folder = os.environ.get(PROBES_DIR, "")
    if not folder:
        yield
        return
    path = note.path(Path(folder))
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}")
    unfinished.write_text(json.dumps(asdict(note)))
    unfinished.replace(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def probe_notes(folder: Path) -> list[ProbeNote]:
    """Return the notes in a folder, in the order of their names."""
    notes = []
    for path in sorted(folder.glob("[!.]*")):
        with contextlib.suppress(OSError, ValueError, TypeError):  # it was removed meanwhile
            notes.append(ProbeNote(**json.loads(path.read_text())))
    return notes
