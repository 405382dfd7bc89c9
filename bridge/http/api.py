"""The HTTP API as one FastAPI app, and the process parts behind it."""

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from faststream.nats import NatsBroker
from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response

from bridge.call.needed_parts import NeededParts
from bridge.http.alerts import alert_router
from bridge.http.auth import Key, access_of
from bridge.http.chat.conversations import Conversations
from bridge.http.chat.nats_requests import chat_requests
from bridge.http.chat.routes import chat_router
from bridge.http.docs import add_docs
from bridge.http.health import health_router
from bridge.http.limiting import AddressRates, BodyLimit, body_bytes
from bridge.http.livekit.comparing import Comparing
from bridge.http.livekit.tokens import token_router
from bridge.http.livekit.webhook import webhook_router
from bridge.http.metrics import metrics_router
from bridge.http.problems import Problem, answer_with_problems, describe_problems
from bridge.http.route_groups import add_routes
from bridge.http.sessions.routes import session_routers
from bridge.http.status import StatusReadings, status_router
from bridge.shared_by_doors import SharedByDoors
from bridge.web.gate import Gate
from contracts.topology import DURABLES
from infra.log.readiness import Readiness
from infra.settings import Settings
from infra.settings_types import items_of

DESCRIPTION = """Talk to the agent by text, and read what was said.

`/chat` and the health routes are open to whoever reaches this address; with `DAREDEVIL_AUTH` set, `/chat` needs the
token (JWT) of a user. A session is continued, read and closed by the client with its `resume_token`, or by its user
where users are known. The admin key (`DAREDEVIL_ADMIN_KEY`) opens all of them, the list, and erasure. Each of these is
sent as `Authorization: Bearer <…>`.

Every answer other than a good one is a problem as in RFC 9457 (`application/problem+json`): `detail` says what is wrong
and what to do, `code` is for programs.
"""


TAGS = [
    {"name": "alerts", "description": "Alerts of the monitoring, passed on to NATS."},
    {"name": "chat", "description": "Talk to the agent by text."},
    {"name": "health", "description": "Whether the process lives and can serve."},
    {"name": "livekit", "description": "Rooms of a LiveKit server."},
    {"name": "sessions", "description": "What was said, found again; and its end."},
]


class Api(FastAPI):
    """FastAPI, with problems as in RFC 9457 in its document."""

    def openapi(self) -> dict[str, Any]:
        """Return the document; it is built once."""
        if self.openapi_schema is None:
            describe_problems(super().openapi())
        return super().openapi()


class HttpDoor:
    """The conversations by text of a process, their API, and the same chat by NATS requests."""

    def __init__(self, shared: SharedByDoors, actors: Sequence[str]) -> None:
        broker, settings, gate = shared.broker, shared.settings, shared.gate
        self._conversations = Conversations(broker, settings, shared.openings, shared.tapes, shared.admission)
        self._requests = chat_requests(broker, self._conversations, gate)
        self._comparing = Comparing(broker)
        durables = tuple(durable.name for durable in DURABLES)
        self.readiness = Readiness(broker, durables, NeededParts(broker, settings, actors).problem)
        self._readings = StatusReadings(settings.data_dir)
        self.api = make_api(broker, settings, self._conversations, self._comparing, gate, self.readiness)
        admin = Key(settings.admin_key, "DAREDEVIL_ADMIN_KEY", "no-admin-key", gate)
        add_routes(self.api, status_router(self._readings, self.readiness, shared.admission, admin))

    async def open(self) -> None:
        """Start to accept requests, and to watch for idle conversations."""
        self._readings.open()
        await self._conversations.open()
        await self._requests.open()

    async def drained(self) -> None:
        """Begin no conversation from now on, and return once no turn is being answered."""
        self.readiness.leave("the door is told to end: it takes no new calls")
        await self._requests.stop_taking()
        await self._conversations.drained()

    async def close(self) -> None:
        """End what is being answered; may be called twice."""
        await self.readiness.aclose()
        await self._readings.close()
        await self._requests.stop_taking()
        await self._comparing.close()
        await self._conversations.close()
        await self._requests.close()


def make_api(
    broker: NatsBroker,
    settings: Settings,
    conversations: Conversations,
    comparing: Comparing,
    gate: Gate,
    readiness: Readiness,
) -> FastAPI:
    """Return the app."""
    api = Api(
        title="Daredevil",
        version="1",
        summary="A real-time voice agent whose every conversation is an event log.",
        description=DESCRIPTION,
        servers=[{"url": "/", "description": "This server."}],
        contact={"name": "The maintainers of Daredevil"},
        license_info={"name": "Apache 2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        openapi_tags=TAGS,
        docs_url=None,
        redoc_url=None,
        # A turn's trace is ours to make (docs/observability.md); a trace for each request would stand beside it.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    api.add_middleware(BodyLimit, most_bytes=body_bytes(settings.max_text_bytes))
    answer_with_problems(api)
    admin = Key(settings.admin_key, "DAREDEVIL_ADMIN_KEY", "no-admin-key", gate)
    add_routes(
        api,
        chat_router(conversations, AddressRates(), gate, items_of(settings.cors_origins)),
        *session_routers(broker, access_of(broker, admin, gate), conversations),
        token_router(settings, gate),
        webhook_router(settings, comparing),
        alert_router(broker, settings, admin, gate),
        health_router(readiness),
        metrics_router(admin),
    )
    add_docs(api)
    if origins := items_of(settings.cors_origins):
        add_cors(api, origins)
    return api


class _Cors(CORSMiddleware):
    """CORS whose refusals are problems like all others."""

    def preflight_response(self, request_headers: Headers) -> Response:
        """Answer a browser's preflight request."""
        answer = super().preflight_response(request_headers)
        if answer.status_code == 200:
            return answer
        problem = Problem(
            "bad-origin", f"a page may not send this request here: {bytes(answer.body).decode()}"
        ).response()
        kept = {name: value for name, value in answer.headers.items() if not name.startswith("content-")}
        problem.headers.update(kept)
        return problem


def add_cors(api: FastAPI, origins: list[str]) -> None:
    """Let pages of other sites use the API. No cookies are used, so none are allowed."""
    api.add_middleware(
        _Cors,
        allow_origins=origins,
        allow_methods=["GET", "HEAD", "POST", "DELETE"],
        allow_headers=["Authorization", "Content-Type", "If-None-Match", "If-Range", "Last-Event-ID", "Range"],
        expose_headers=["Retry-After", "WWW-Authenticate", "Content-Range", "Accept-Ranges", "ETag"],
        max_age=600,
    )
