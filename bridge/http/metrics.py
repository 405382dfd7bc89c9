"""`/metrics`: what this process measures, at the doors' own address."""

from typing import Any

from fastapi import APIRouter, Request, Response

from bridge.http.auth import GivenKey, Key
from bridge.http.problems import only
from bridge.http.route_groups import route_group
from bridge.web.proxies import is_local
from infra.process.exposition import CONTENT_TYPE, exposition

TEXT: dict[int | str, dict[str, Any]] = {
    200: {"description": "The metrics.", "content": {CONTENT_TYPE.partition(";")[0]: {"schema": {"type": "string"}}}}
}


def metrics_router(admin: Key) -> APIRouter:
    """Return the route."""
    router = route_group("health")

    @router.get(
        "/metrics",
        summary="What this process measures",
        response_class=Response,
        responses={**TEXT, **only(400, 401, 403, 429)},
    )
    async def get_metrics(request: Request, given: GivenKey) -> Response:
        """Return the metrics in the text format of Prometheus. From another machine it needs the admin key."""
        if not is_local(request.scope):
            admin.check(request, given)
        text, content_type = exposition()
        return Response(text, media_type=content_type)

    return router
