"""What the page may offer, by what runs here and who asks: `page.json`, which the page reads as it opens."""

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from bridge.web.proxies import is_local
from infra.livekit.access import NoLiveKit, livekit_access
from infra.settings import Settings

PATH = "/page.json"
"""Where a server without a bridge has a file of that name, which offers nothing."""


def offers_route(settings: Settings) -> Route:
    """Return the route that says what the page may offer: rooms, a name, and how long a text may be."""

    def offers(request: Request) -> JSONResponse:
        return JSONResponse(
            {
                "rooms": has_rooms(settings),
                "names": believes_names(settings, is_local(request.scope)),
                "max_text_bytes": settings.max_text_bytes,
            }
        )

    return Route(PATH, offers)


def believes_names(settings: Settings, is_local: bool) -> bool:
    """Return whether a client is the user it names; without DAREDEVIL_AUTH, clients of this machine are believed."""
    return not settings.auth and (is_local or settings.trust_user_ids == "everyone")


def has_rooms(settings: Settings) -> bool:
    """Return whether a LiveKit server is set, or runs here."""
    try:
        livekit_access(settings)
    except NoLiveKit:
        return False
    return True
