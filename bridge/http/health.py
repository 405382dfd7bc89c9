"""`/healthz` and `/readyz`: whether the process lives, and whether it can serve."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from bridge.http.problems import OPEN, only
from bridge.http.route_groups import route_group
from infra.log.readiness import Readiness

MALFORMED = only(400)


def health_router(readiness: Readiness) -> APIRouter:
    """Return the routes."""
    router = route_group("health")

    @router.get("/healthz", summary="Whether the process lives", responses=MALFORMED, openapi_extra=OPEN)
    async def get_health() -> dict[str, str]:
        """Answer at once, whatever else is going on."""
        return {"status": "ok"}

    @router.get(
        "/readyz",
        summary="Whether conversations can be held",
        responses={**MALFORMED, 503: {"description": "It cannot serve now; `problem` says why."}},
        openapi_extra=OPEN,
    )
    async def get_readiness() -> JSONResponse:
        """Return what the last check found, for a load balancer: the log accepts facts, and the actors are there.

        A check runs every 2 s while anybody asks; `age_s` is how long ago it was. The answer comes within 0.8 s.
        """
        problem, age_s = await readiness.problem()
        answer: dict[str, Any] = {"status": "not ready" if problem else "ready", "age_s": round(age_s, 1)}
        return JSONResponse(answer | ({"problem": problem} if problem else {}), 503 if problem else 200)

    return router
