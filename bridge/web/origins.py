"""Pages of other sites: they must not talk through the browser of our user, unless the settings let them."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers


def is_allowed_origin(headers: Headers, allowed: Sequence[str]) -> bool:
    """Tell whether a request comes from no page, from one of ours, or from one of the sites that are allowed."""
    origin = headers.get("origin")
    if origin is None or origin in allowed or "*" in allowed:
        return True
    try:
        return urlsplit(origin).netloc == headers.get("host")
    except ValueError:
        return False
