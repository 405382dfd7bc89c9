"""What the page may offer depends on what runs here: `page.json`, read by the page as it opens."""

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from infra.livekit.access import NoLiveKit, livekit_access
from infra.settings import Settings

PATH = "/page.json"
"""Where a server without a bridge has a file of that name, which offers nothing."""


def offers_route(settings: Settings) -> Route:
    """Return the route that tells the page whether there are rooms to talk in, and how long a text may be."""

    def offers(_request: Request) -> JSONResponse:
        return JSONResponse({"rooms": has_rooms(settings), "max_text_bytes": settings.max_text_bytes})

    return Route(PATH, offers)


def has_rooms(settings: Settings) -> bool:
    """Tell whether a LiveKit server is set, or runs here."""
    try:
        livekit_access(settings)
    except NoLiveKit:
        return False
    return True
