"""The LiveKit server's API, with our key."""

from aiohttp import ClientError
from livekit.api import LiveKitAPI, TwirpError

from infra.settings import Settings

LIVEKIT_ERRORS = (TwirpError, ClientError, OSError, TimeoutError)
"""What a call of the API may raise."""


def livekit_api(settings: Settings) -> LiveKitAPI:
    """Return a client, to be closed by `async with`."""
    return LiveKitAPI(settings.livekit_url, settings.livekit_api_key, settings.livekit_api_secret)
