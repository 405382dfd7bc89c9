"""Why a room could not be joined, and what to do about it. Pure."""

import base64
import json
import re

NEW_TOKEN = "make another with `daredevil token`"

_TOKEN = re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*")
_WHY = (
    ("token is expired", f"the token has expired: {NEW_TOKEN}"),
    (
        "token is not valid yet",
        "the token is not valid yet: synchronise the clocks of this machine and the server with NTP",
    ),
    (
        "signature is invalid",
        f"the token is not signed with this server's secret: {NEW_TOKEN}, for this server (DAREDEVIL_LIVEKIT_URL)",
    ),
    (
        "invalid API key",
        "this server does not know the API key that the token is signed with: it is for another server, or "
        "DAREDEVIL_LIVEKIT_API_KEY is wrong",
    ),
    ("permissions denied", f"the token does not allow joining a room: {NEW_TOKEN}"),
    ("invalid authorization", f"that is no token: {NEW_TOKEN}"),
)
"""LiveKit's messages, and what they mean."""


def why_refused(said: str) -> str:
    """Return why a room cannot be joined, from the SDK's message; without tokens, which are secrets."""
    meaning = next((meaning for sign, meaning in _WHY if sign in said), "")
    return meaning or _TOKEN.sub("(token)", said)


def check_room(token: str, room: str) -> None:
    """Check that a token, whoever signed it, is for this room. Raises ValueError, which says what it is for."""
    try:
        claims = token.split(".")[1]
        meant = str(json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["video"]["room"])
    except (IndexError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"that is no token for a room: {NEW_TOKEN}") from error
    if meant != room:
        raise ValueError(f"the token is for room {meant}, not for {room}: {NEW_TOKEN} --room {room}")
