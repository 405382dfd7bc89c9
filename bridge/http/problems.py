"""What can be wrong with a request: one exception, reported alike over HTTP, SSE and NATS."""

from contextlib import suppress
from http import HTTPStatus
from typing import Any, Literal

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from nats.errors import Error as NatsError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.routing import Match, Mount
from starlette.staticfiles import StaticFiles

from bridge.plain_words import unread_json, wrong_field
from infra.log.event_log import LogUnavailable, NewerFact

Code = Literal[
    "bad-json",
    "bad-request",
    "unknown-agent",
    "missing-variable",
    "text-empty",
    "text-too-long",
    "too-slow",
    "unsupported-media-type",
    "bad-origin",
    "no-admin-key",
    "no-token-key",
    "no-alerts-key",
    "unauthorized",
    "resume-refused",
    "bad-signature",
    "not-found",
    "method-not-allowed",
    "session-unknown",
    "session-closed",
    "other-door",
    "session-open",
    "turn-in-progress",
    "superseded",
    "bad-range",
    "too-many-requests",
    "too-many-sessions",
    "busy",
    "shutdown",
    "log-unavailable",
    "not-available",
    "timeout",
    "internal",
]
"""What can be wrong, for programs."""

STATUS: dict[Code, int] = {
    "bad-json": 400,
    "bad-request": 422,
    "unknown-agent": 400,
    "missing-variable": 400,
    "text-empty": 422,
    "text-too-long": 413,
    "too-slow": 408,
    "unsupported-media-type": 415,
    "bad-origin": 403,
    "no-admin-key": 403,
    "no-token-key": 403,
    "no-alerts-key": 403,
    "unauthorized": 401,
    "resume-refused": 403,
    "bad-signature": 401,
    "not-found": 404,
    "method-not-allowed": 405,
    "session-unknown": 404,
    "session-closed": 409,
    "other-door": 409,
    "session-open": 409,
    "turn-in-progress": 409,
    "superseded": 409,
    "bad-range": 416,
    "too-many-requests": 429,
    "too-many-sessions": 429,
    "busy": 503,
    "shutdown": 503,
    "log-unavailable": 503,
    "not-available": 503,
    "timeout": 504,
    "internal": 500,
}
"""The HTTP status of each code."""

PROBLEM_JSON = "application/problem+json"
PROBLEM_SCHEMA = "#/components/schemas/ProblemBody"


class ProblemBody(BaseModel):
    """The body of every error: a problem as in RFC 9457."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:daredevil:problem:session-closed",
                    "title": "Conflict",
                    "status": 409,
                    "detail": "session s-1 has ended; leave its id out for a new one",
                    "code": "session-closed",
                }
            ]
        }
    )

    type: str = Field(description="`urn:daredevil:problem:<code>`.")
    title: str = Field(description="The name of the HTTP status.")
    status: int = Field(ge=400, le=599, description="The HTTP status.")
    detail: str = Field(description="What is wrong and what to do, for people.")
    code: Code = Field(description="What is wrong, for programs.")


class Problem(Exception):
    """A request that cannot be answered; `retry_after_s` says when to try again, if that can help.

    `status` is that of the code unless another one is given.
    """

    def __init__(
        self,
        code: Code,
        message: str,
        retry_after_s: int = 0,
        headers: dict[str, str] | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.status = STATUS[code] if status is None else status
        self.headers = dict(headers or {})
        if retry_after_s:
            self.headers["Retry-After"] = str(retry_after_s)

    @property
    def body(self) -> dict[str, Any]:
        """The problem as sent over HTTP and SSE."""
        kind, title = f"urn:daredevil:problem:{self.code}", HTTPStatus(self.status).phrase
        return {"type": kind, "title": title, "status": self.status, "detail": str(self), "code": self.code}

    @property
    def message(self) -> dict[str, Any]:
        """The problem as sent over NATS."""
        return {"error": {"code": self.code, "message": str(self)}}

    def response(self) -> JSONResponse:
        """Return it as an HTTP answer."""
        return JSONResponse(self.body, self.status, self.headers, PROBLEM_JSON)


def log_away() -> Problem:
    """Return the problem that the log cannot be reached."""
    return Problem("log-unavailable", "the log cannot be reached; try again shortly", retry_after_s=2)


AWAY = (LogUnavailable, NatsError, TimeoutError, OSError)
"""What reading or writing raises while the log is away."""


OPEN: dict[str, Any] = {"security": []}
"""For the OpenAPI document of routes that need no key."""


def responses(*codes: int) -> dict[int | str, dict[str, Any]]:
    """Return the error answers of a route, and those of every route, for OpenAPI."""
    return only(*codes, 422, 503)


def only(*codes: int) -> dict[int | str, dict[str, Any]]:
    """Return the error answers of a route for OpenAPI.

    Not as FastAPI's `model`: for each code of each route it would make a validator, which takes longer than all the
    rest of a server's start, and it would say `application/json`.
    """
    content = {PROBLEM_JSON: {"schema": {"$ref": PROBLEM_SCHEMA}}}
    return {code: {"description": _DESCRIPTIONS[code], "content": content} for code in codes}


def describe_problems(document: dict[str, Any]) -> None:
    """Add the schema of problems to an OpenAPI document."""
    schemas = document["components"]["schemas"]
    schemas[PROBLEM_SCHEMA.rpartition("/")[2]] = ProblemBody.model_json_schema(mode="serialization")
    document["components"]["schemas"] = dict(sorted(schemas.items()))


_DESCRIPTIONS = {
    400: "The body is not valid JSON, the request is not valid HTTP, or there is no such agent.",
    401: "The key, the token or the signature is missing or wrong.",
    403: "Not allowed: no key is set here, or the page belongs to another site.",
    404: "There is no such thing.",
    408: "The request came too slowly.",
    409: "Not possible as the session stands now.",
    413: "Too long.",
    415: "Not `Content-Type: application/json`.",
    416: "The recording has no such bytes.",
    422: "The request is malformed.",
    429: "Too many requests, or sessions opened; see `Retry-After`.",
    503: "The log cannot be reached, or too much is going on; see `Retry-After`.",
    504: "No answer came in time.",
}


def malformed_body(error: RequestValidationError, content_type: str) -> Problem:
    """Return what is wrong with a request that does not fit its route, in plain words."""
    first = error.errors()[0]
    where = [str(part)[:40] for part in first["loc"]]
    if where[:1] == ["body"] and not _is_json(content_type):
        return Problem("unsupported-media-type", "send JSON, with `Content-Type: application/json`")
    if first["type"] == "json_invalid":
        said = first.get("ctx", {}).get("error", "it ends too early")
        return Problem("bad-json", f"the body is no JSON: {said}, at character {where[1]}")
    if where == ["body"] and first["type"] == "missing":
        return Problem("bad-json", "the body is empty: send a JSON object")
    name = ".".join(where[1:])
    return Problem("bad-request", f"{name}: {wrong_field(first)}" if name else f"the body: {wrong_field(first)}")


def _is_json(content_type: str) -> bool:
    kind = content_type.partition(";")[0].strip().lower()
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))


METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")


def refused_by_framework(request: Request, error: HTTPException) -> JSONResponse:
    """Return the answer for a request that reached no route, such as an unknown path."""
    if error.status_code in (404, 405):
        return _no_route(request).response()
    if error.status_code == 400 and error.__cause__ is not None:  # what reading the body as JSON has raised
        return Problem("bad-json", f"the body cannot be taken: {unread_json(error.__cause__)}").response()
    headers = dict(error.headers or {})
    return Problem("bad-request", str(error.detail), headers=headers, status=error.status_code).response()


def _no_route(request: Request) -> Problem:
    """Return whether nothing is at a path, or nothing for this method; the framework looks among the page's files."""
    methods = _methods_of(request)
    if not methods:
        return Problem("not-found", f"there is nothing at {request.url.path[:200]}")
    allow = {"Allow": ", ".join(sorted(methods))}
    return Problem("method-not-allowed", f"{request.method} is not for this path", headers=allow)


def _methods_of(request: Request) -> set[str]:
    """Return the methods of a path: the framework names only those of the first route that has it."""
    routes = [route for route in request.app.routes if not isinstance(route, Mount)]
    scopes = [{**request.scope, "method": method} for method in METHODS]
    methods = {scope["method"] for scope in scopes if any(route.matches(scope)[0] is Match.FULL for route in routes)}
    if any(_has_file(route, request) for route in request.app.routes if isinstance(route, Mount)):
        methods.add("GET")
    return methods | ({"HEAD"} if "GET" in methods else set())


def _has_file(mount: Mount, request: Request) -> bool:
    matched, below = mount.matches(request.scope)
    if matched is Match.NONE or not isinstance(mount.app, StaticFiles):
        return False
    with suppress(OSError, ValueError):  # no file can have such a name
        return mount.app.lookup_path(mount.app.get_path({**request.scope, **below}))[1] is not None
    return False


def answer_with_problems(api: FastAPI) -> None:
    """Answer every problem in one form, and let no stack trace leave the process."""

    async def problem(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, Problem)
        return error.response()

    async def malformed(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        return malformed_body(error, request.headers.get("content-type", "")).response()

    async def refused(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        return refused_by_framework(request, error)

    async def away(request: Request, error: Exception) -> JSONResponse:
        return log_away().response()

    async def newer(request: Request, error: Exception) -> JSONResponse:
        return Problem("not-available", str(error)).response()

    async def unknown(request: Request, error: Exception) -> JSONResponse:
        return Problem("internal", "internal error; the log of this process says why").response()

    api.add_exception_handler(Problem, problem)
    api.add_exception_handler(RequestValidationError, malformed)
    api.add_exception_handler(HTTPException, refused)
    api.add_exception_handler(NewerFact, newer)
    for kind in AWAY:
        api.add_exception_handler(kind, away)
    api.add_exception_handler(Exception, unknown)
