"""`/healthz` and `/readyz`: whether the process lives, and whether it can serve."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from faststream.nats import NatsBroker
from nats.errors import Error as NatsError

from bridge.http.problems import OPEN, only
from contracts.topology import DURABLES
from infra.connection import connection, jetstream
from infra.log_probe import LogProbe
from infra.provisioning import missing_durables

MALFORMED = only(400)


def health_router(broker: NatsBroker) -> APIRouter:
    """Return the routes."""
    router = APIRouter(tags=["health"])
    probe = LogProbe()

    @router.get("/healthz", summary="Whether the process lives", responses=MALFORMED, openapi_extra=OPEN)
    async def get_health() -> dict[str, str]:
        """Answer at once, whatever else goes on."""
        return {"status": "ok"}

    @router.get(
        "/readyz",
        summary="Whether the log takes facts and all its consumers are there",
        responses={**MALFORMED, 503: {"description": "It cannot serve now; `problem` says why."}},
        openapi_extra=OPEN,
    )
    async def get_readiness() -> JSONResponse:
        """Look whether conversations can be held: for a load balancer."""
        problem = await _not_ready(broker, probe)
        if problem:
            return JSONResponse({"status": "not ready", "problem": problem}, status_code=503)
        return JSONResponse({"status": "ready"})

    return router


async def _not_ready(broker: NatsBroker, probe: LogProbe) -> str:
    if not connection(broker).is_connected:
        return "NATS is not connected"
    try:
        missing = await missing_durables(jetstream(broker), tuple(durable.name for durable in DURABLES))
    except (NatsError, TimeoutError) as error:
        return f"NATS does not answer: {error!r}"
    if missing:
        return f"consumers are missing: {', '.join(missing)}"
    return await probe.problem(jetstream(broker))
