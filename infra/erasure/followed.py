"""Whether the projections have followed an erasure: each erases by itself when it reads `SessionErased`."""

import asyncio
import time
from collections.abc import Sequence

from infra.projection import CannotTell, Projection
from infra.settings import Settings

POLL_S = 0.1
ASK_TIMEOUT_S = 5.0


async def followed(row: Projection, settings: Settings, session_ids: Sequence[str], patience_s: float) -> str:
    """Return what the receipt says of a projection, after waiting `patience_s` for it at most."""
    if not row.enabled(settings):
        return "off"
    if row.unerased is None:
        return "a SessionErased event follows there; see out of reach"
    deadline = time.monotonic() + patience_s
    while True:
        try:
            async with asyncio.timeout(ASK_TIMEOUT_S):
                left = await row.unerased(settings, session_ids)
        except CannotTell as error:
            return f"pending: {error}; the projection erases when it does"
        except Exception as error:  # drivers raise of their own: no server, no schema, no table yet
            left = f"it cannot be asked ({type(error).__name__})"
        if not left:
            return "applied"
        if time.monotonic() > deadline:
            return f"pending: {left}; the projection erases when it gets there"
        await asyncio.sleep(POLL_S)
