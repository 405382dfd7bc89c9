"""Whether the projections have followed an erasure: each one erases when it applies `SessionErased`."""

import asyncio
import time
from collections.abc import Sequence

from infra.projection import Projection, StateUnknown
from infra.settings import Settings

POLL_S = 0.1
ASK_TIMEOUT_S = 5.0


async def followed(row: Projection, settings: Settings, session_ids: Sequence[str], patience_s: float) -> str:
    """Return the receipt's entry for a projection, after waiting for it at most `patience_s`."""
    if not row.enabled(settings):
        return "off"
    if row.unerased is None:
        return "a SessionErased event follows there; see out of reach"
    deadline = time.monotonic() + patience_s
    while True:
        try:
            async with asyncio.timeout(ASK_TIMEOUT_S):
                left = await row.unerased(settings, session_ids)
        except StateUnknown as error:
            return f"pending: {error}; the projection erases when it does"
        except Exception as error:  # drivers raise their own exceptions: no server, no schema, no table yet
            left = f"it does not answer ({type(error).__name__})"
        if not left:
            return "applied"
        if time.monotonic() > deadline:
            return f"pending: {left}; the projection erases when it gets there"
        await asyncio.sleep(POLL_S)
