"""`/healthz` and `/readyz`: whether the process lives, and whether it can serve."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from faststream.nats import NatsBroker
from nats.errors import Error as NatsError

from contracts.topology import DURABLES
from infra.connection import connection, jetstream
from infra.provisioning import missing_durables


def health_router(broker: NatsBroker) -> APIRouter:
    """Return the routes."""
    router = APIRouter(tags=["health"])

    @router.get("/healthz", summary="Whether the process lives")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @router.get("/readyz", summary="Whether the log and all its consumers are there", responses={503: {}})
    async def readyz() -> JSONResponse:
        problem = await _not_ready(broker)
        if problem:
            return JSONResponse({"status": "not ready", "problem": problem}, status_code=503)
        return JSONResponse({"status": "ready"})

    return router


async def _not_ready(broker: NatsBroker) -> str:
    if not connection(broker).is_connected:
        return "NATS is not connected"
    try:
        missing = await missing_durables(jetstream(broker), tuple(durable.name for durable in DURABLES))
    except (NatsError, TimeoutError) as error:
        return f"NATS does not answer: {error!r}"
    return f"consumers are missing: {', '.join(missing)}" if missing else ""
