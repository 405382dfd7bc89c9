"""What can be wrong with a request: one exception, told alike over HTTP, SSE and NATS."""

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from nats.errors import Error as NatsError
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from infra.facts import LogUnavailable


class ErrorDetail(BaseModel):
    """`code` is for programs, `message` for people."""

    code: str
    message: str


class ErrorBody(BaseModel):
    """What every answer other than a good one carries."""

    error: ErrorDetail


STATUS = {
    "bad-request": 422,
    "text-empty": 422,
    "text-too-long": 413,
    "bad-origin": 403,
    "no-admin-key": 403,
    "no-token-key": 403,
    "unauthorized": 401,
    "bad-signature": 401,
    "not-found": 404,
    "session-unknown": 404,
    "session-closed": 409,
    "other-door": 409,
    "session-open": 409,
    "turn-in-progress": 409,
    "superseded": 409,
    "bad-range": 416,
    "too-many-requests": 429,
    "busy": 503,
    "shutdown": 503,
    "log-unavailable": 503,
    "not-available": 503,
    "timeout": 504,
    "internal": 500,
}
"""The HTTP status of each code."""


class Problem(Exception):
    """A request that cannot be answered: `code` is one of STATUS, `retry_after_s` when it is worth another try."""

    def __init__(self, code: str, message: str, retry_after_s: int = 0, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.headers = dict(headers or {})
        if retry_after_s:
            self.headers["Retry-After"] = str(retry_after_s)

    @property
    def body(self) -> dict[str, Any]:
        """What is told, as JSON or MessagePack."""
        return {"error": {"code": self.code, "message": str(self)}}

    def response(self) -> JSONResponse:
        """Return it as an HTTP answer."""
        return JSONResponse(self.body, STATUS[self.code], self.headers)


def log_away() -> Problem:
    """Return the problem that the log cannot be reached."""
    return Problem("log-unavailable", "the log cannot be reached; try again shortly", retry_after_s=2)


AWAY = (LogUnavailable, NatsError, TimeoutError, OSError)
"""What reading or writing raises while the log is away."""


def responses(*codes: int) -> dict[int | str, dict[str, Any]]:
    """Return the error answers of a route, for OpenAPI."""
    return {code: {"model": ErrorBody, "description": _DESCRIPTIONS[code]} for code in (*codes, 422, 503)}


_DESCRIPTIONS = {
    401: "The key or the signature is missing or wrong.",
    403: "Not allowed: no key is set here, or the page is of another site.",
    404: "There is no such thing.",
    409: "Not possible as the session stands now.",
    413: "Too long.",
    416: "The recording has no such bytes.",
    422: "The request is malformed.",
    429: "Too many requests; see `Retry-After`.",
    503: "The log cannot be reached, or too much is going on; see `Retry-After`.",
    504: "No answer came in time.",
}


def tell_problems(api: FastAPI) -> None:
    """Have every problem of a request answered in one form, and no stack trace leave the process."""

    async def problem(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, Problem)
        return error.response()

    async def malformed(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        if request.method == "POST" and "json" not in request.headers.get("content-type", ""):
            return Problem("bad-request", "send JSON, with `Content-Type: application/json`").response()
        first = error.errors()[0]
        where = ".".join(str(part)[:40] for part in first["loc"][1:])
        return Problem("bad-request", f"{where}: {first['msg']}" if where else str(first["msg"])).response()

    async def refused(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        body = {"error": {"code": "not-found" if error.status_code == 404 else "bad-request", "message": error.detail}}
        return JSONResponse(body, error.status_code, error.headers)

    async def away(request: Request, error: Exception) -> JSONResponse:
        return log_away().response()

    async def unknown(request: Request, error: Exception) -> JSONResponse:
        return Problem("internal", "something went wrong here; the log of this process says what").response()

    api.add_exception_handler(Problem, problem)
    api.add_exception_handler(RequestValidationError, malformed)
    api.add_exception_handler(HTTPException, refused)
    for kind in AWAY:
        api.add_exception_handler(kind, away)
    api.add_exception_handler(Exception, unknown)
