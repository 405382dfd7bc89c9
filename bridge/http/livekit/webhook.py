"""`POST /livekit/webhook`: what LiveKit says has happened, signed with the API key, compared with the log."""

import logging
from collections.abc import Callable

from fastapi import APIRouter, Request
from livekit.api import TokenVerifier, WebhookEvent, WebhookReceiver

from bridge.http.livekit.comparing import Comparing
from bridge.http.problems import OPEN, Problem, responses
from bridge.http.route_groups import route_group
from infra.livekit.access import NoLiveKit, livekit_access
from infra.settings import Settings

log = logging.getLogger(__name__)


def webhook_router(settings: Settings, comparing: Comparing) -> APIRouter:
    """Return the route."""
    router = route_group("livekit", "/livekit")

    @router.post("/webhook", summary="For LiveKit's webhooks", responses=responses(401, 408, 413), openapi_extra=OPEN)
    async def take_webhook(request: Request) -> dict[str, str]:
        """Take an event of the LiveKit server, which signs it with the API key.

        The bridge appends what happens in rooms; this only checks that LiveKit saw the same. A difference is a warning
        in the log of this process. The same event twice changes nothing.
        """
        event = verified(settings, await request.body(), request.headers.get("authorization", ""))
        if not event.id or not event.event:
            raise Problem("bad-request", "a webhook has an id and an event")
        return {"status": "taken" if comparing.take(event) else "known"}

    return router


def verified(settings: Settings, body: bytes, signature: str) -> WebhookEvent:
    """Return the event of a webhook that is signed with our API key for this body. Raises Problem."""
    try:
        access = livekit_access(settings)
    except NoLiveKit as error:
        raise Problem("not-available", str(error)) from error
    receive: Callable[[str, str], WebhookEvent] = WebhookReceiver(TokenVerifier(access.key, access.secret)).receive
    try:
        return receive(body.decode(), signature.removeprefix("Bearer "))
    except Exception as error:  # the SDK raises plain Exceptions besides those of JWT, base64 and protobuf
        log.warning("a webhook without LiveKit's signature was refused: %s", error)
        raise Problem("bad-signature", "this is not signed with the API key of DAREDEVIL_LIVEKIT_API_KEY") from error
