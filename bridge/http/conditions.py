"""What a request says about the answer it wants: which it has already, and in which form. Pure."""

import re

EVENT_STREAM = "text/event-stream"
JSON = "application/json"

_TAG = re.compile(r'(?:W/)?("[^"]*")')


def is_known(if_none_match: str | None, etag: str) -> bool:
    """Return whether a client has what it asks for, by its `If-None-Match` (RFC 9110, 13.1.2: compared weakly)."""
    if if_none_match is None:
        return False
    return if_none_match.strip() == "*" or etag in _TAG.findall(if_none_match)


def wants_events(accept: str) -> bool:
    """Return whether an `Accept` names server-sent events, and does not prefer JSON."""
    likes = dict(_liked(part) for part in accept.split(","))
    events = likes.get(EVENT_STREAM, 0.0)
    return events > 0 and events >= likes.get(JSON, 0.0)


def _liked(part: str) -> tuple[str, float]:
    """Return a media type and its weight: 1 if none is given, or none that can be read."""
    kind, *parameters = (each.strip().lower() for each in part.split(";"))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            found = re.fullmatch(r"[01](?:\.[0-9]{0,3})?", value.strip())
            return kind, float(found.group()) if found else 1.0
    return kind, 1.0
