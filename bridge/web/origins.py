"""Pages of other sites must not talk through the browser of our user, unless the settings allow it."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers


def is_allowed_origin(headers: Headers, allowed: Sequence[str]) -> bool:
    """Return whether a request comes from no page, from one of ours, or from an allowed site."""
    origin = headers.get("origin")
    if origin is None or origin in allowed or "*" in allowed:
        return True
    try:
        return urlsplit(origin).netloc == headers.get("host")
    except ValueError:
        return False
