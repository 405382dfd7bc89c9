"""The web server of the doors: the page's files, `/ws`, and the HTTP API."""

import asyncio
import logging
import mimetypes
import os
import socket
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import uvicorn
from faststream.nats import NatsBroker
from starlette.datastructures import MutableHeaders
from starlette.routing import Mount, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bridge.call.needed_parts import TEXT_ACTORS, VOICE_ACTORS
from bridge.http.api import HttpDoor
from bridge.shared_by_doors import SharedByDoors
from bridge.web.connections import Connections
from bridge.web.gate import warn_of_strangers
from bridge.web.head import HeadAsGet
from bridge.web.protocols import limited_protocols
from bridge.web.proxies import BehindProxies, Proxies, is_loopback, proxies_of
from bridge.websocket.endpoint import WebSocketDoor
from bridge.websocket.page_offers import offers_route
from bridge.websocket.protocol import MAX_MESSAGE_BYTES
from contracts.topology import BRIDGE, HTTP
from infra.cannot_run import CannotRun, ends_process
from infra.log.tapes import tapes_of
from infra.process.descriptors import raise_descriptor_limit
from infra.process.uvicorn_server import UvicornServer
from infra.settings import Settings
from infra.tape.tape import Tapes

log = logging.getLogger(__name__)

PAGE = Path(__file__).parent / "page"
PORT_FILE = "DAREDEVIL_PORT_FILE"
"""Environment variable: the file to which the port in use is written, as digits."""

POLICY = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
HEADERS = {
    "Permissions-Policy": "microphone=(self)",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # Browsers check each time whether a file has changed, so a new version is seen at once.
    "Cache-Control": "no-cache",
}

BACKLOG = 1_024
SPARE_DESCRIPTORS = 128
"""Descriptors kept free of connections, for NATS, files and pipes."""

for suffix in (".js", ".mjs"):
    mimetypes.add_type("text/javascript", suffix)


class PortInUse(CannotRun, OSError):
    """The address cannot be listened on; the message says which setting to change."""


class ServerEnded(CannotRun, RuntimeError):
    """The web server has ended although nobody asked it to; the process ends with it."""


def policy(settings: Settings) -> str:
    """Return the Content-Security-Policy: this server and the LiveKit server of the rooms, and nobody else."""
    url = urlsplit(settings.livekit_public_url or settings.livekit_url)
    if not url.hostname:
        return POLICY
    hosts = [url.netloc.rpartition("@")[2]]
    if url.hostname.endswith(".livekit.cloud"):
        hosts.append("*.livekit.cloud")  # it sends clients to the region nearest to them
    secure = "s" if url.scheme in ("wss", "https") else ""
    sources = " ".join(f"ws{secure}://{host} http{secure}://{host}" for host in hosts)
    return f"{POLICY}; connect-src 'self' {sources}"


class Headers:
    """Adds HEADERS and the policy to every HTTP answer that does not set them itself.

    While the server `leaves`, each answer is the last of its connection, so that the client's next request comes to a
    server that stays.
    """

    def __init__(self, app: ASGIApp, policy: str, leaves: Callable[[], bool] = lambda: False) -> None:
        self._app = app
        self._headers = {"Content-Security-Policy": policy, **HEADERS}
        self._leaves = leaves

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the headers."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if self._leaves():
                    headers["Connection"] = "close"
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers if scope["type"] == "http" else send)


def make_site(
    http: HttpDoor, door: WebSocketDoor | None, settings: Settings, proxies: Proxies, leaves: Callable[[], bool]
) -> ASGIApp:
    """Return the ASGI app: the HTTP API, and with a door `/ws` and the page's files."""
    site = http.api
    if door is not None:
        site.router.routes.append(WebSocketRoute("/ws", door.talk))
        site.router.routes.append(offers_route(settings))
        site.router.routes.append(Mount("/", StaticFiles(directory=PAGE, html=True, check_dir=False)))
    return BehindProxies(HeadAsGet(Headers(site, policy(settings), leaves)), proxies)


class WebServer:
    """Runs the site on the address of the settings, in a task of its own; without `page` only the HTTP API.

    What the doors take in is noted on `tapes`, those of the process unless others are given.
    """

    def __init__(self, broker: NatsBroker, settings: Settings, page: bool = True, tapes: Tapes | None = None) -> None:
        shared = SharedByDoors.of(broker, settings, BRIDGE if page else HTTP, tapes or tapes_of(broker))
        self.admission = shared.admission
        self.door = WebSocketDoor(shared) if page else None
        self.port = 0
        self._http = HttpDoor(shared, VOICE_ACTORS if page else TEXT_ACTORS)
        self._settings = settings
        self._proxies = proxies_of(settings)
        self._draining = False
        self._site = make_site(self._http, self.door, settings, self._proxies, lambda: self._draining)
        self._server: UvicornServer | None = None
        self._serving: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Listen, write the port where the supervisor looks for it, and take calls. Raises PortInUse."""
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # it logs a warning for anything strangers send
        listening = _listen(self._settings)
        warn_of_strangers(self._settings, is_loopback(self._settings.host))
        self.port = listening.getsockname()[1]
        await self.admission.open()
        if self.door is not None:
            await self.door.open()
        await self._http.open()
        held = Connections(self._settings.max_connections_per_address, raise_descriptor_limit() - SPARE_DESCRIPTORS)
        http, ws = limited_protocols(held, self._proxies.trusts)
        config = uvicorn.Config(
            self._site,
            http=http,  # type: ignore[arg-type]  # a factory works as well as a class
            ws=ws,  # type: ignore[arg-type]
            proxy_headers=False,  # BehindProxies decides which ones to believe
            backlog=BACKLOG,
            lifespan="off",
            log_config=None,
            access_log=False,
            ws_max_size=MAX_MESSAGE_BYTES,
            ws_per_message_deflate=False,
            ws_ping_interval=5,
            ws_ping_timeout=15,
            timeout_graceful_shutdown=3,
        )
        self._server = UvicornServer(config)
        self._serving = asyncio.create_task(self._server.serve(sockets=[listening]), name="web server")
        while not self._server.started:
            if self._serving.done():
                raise _ended(self._serving)
            await asyncio.sleep(0.005)
        self._serving.add_done_callback(self._on_end)
        if path := os.environ.get(PORT_FILE):
            _write(Path(path), str(self.port))
        host = self._settings.host
        log.info("listening on http://%s:%d/", f"[{host}]" if ":" in host else host, self.port)

    async def problem(self) -> str:
        """Return why no conversation is possible; empty if one is."""
        return (await self._http.readiness.problem())[0]

    def _on_end(self, serving: "asyncio.Task[None]") -> None:
        """End the process if the server ends by itself, so that it is restarted: nobody could call any more."""
        if self._server is not None and not self._server.should_exit:
            with ends_process():
                raise _ended(serving)

    async def close(self) -> None:
        """Let calls end (`DAREDEVIL_DRAIN_S`), tell the clients that are left, stop listening; may be called twice."""
        if self._server is None or self._serving is None:
            return
        await self._drain()
        await asyncio.gather(self._http.close(), self.door.close() if self.door is not None else asyncio.sleep(0))
        await self.admission.close()
        self._server.should_exit = True
        await asyncio.gather(self._serving, return_exceptions=True)

    async def _drain(self) -> None:
        if self._draining or not self._settings.drain_s:
            return
        self._draining = True
        log.info("told to end: calls may go on for %g s, new ones are refused", self._settings.drain_s)
        try:
            async with asyncio.timeout(self._settings.drain_s), asyncio.TaskGroup() as group:
                group.create_task(self._http.drained(), name="turns end")
                if self.door is not None:
                    group.create_task(self.door.drained(), name="calls end")
        except TimeoutError:
            log.warning("calls that have not ended within %g s go to other doors", self._settings.drain_s)


def _ended(serving: "asyncio.Task[None]") -> ServerEnded:
    error = None if serving.cancelled() else serving.exception()
    ended = ServerEnded(f"the web server has ended: {error or 'cancelled'!r}")
    ended.__cause__ = error
    return ended


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=BACKLOG)
    except OSError as error:
        reason = (
            f"cannot listen on {settings.host}:{settings.port} ({error.strerror or error}): "
            "set DAREDEVIL_PORT to another port (0 takes any free one), or DAREDEVIL_HOST to an address of this machine"
        )
        raise PortInUse(reason) from error


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    fresh.write_text(text)
    fresh.replace(path)
