"""Asking for a session that another door may hold, or for its end."""

import logging

from nats.aio.client import Client
from nats.errors import NoRespondersError

log = logging.getLogger(__name__)

CLAIM_TIMEOUT_S = 2.0


def claim_subject(session_id: str) -> str:
    """Return where a door asks for a session that another door may hold; it is answered once that one has let go."""
    return f"do.{session_id}.bridge.claim"


def end_subject(session_id: str) -> str:
    """Return where whoever may asks the door that holds a session to end it; it is answered once it is ended."""
    return f"do.{session_id}.bridge.end"


async def claim(nc: Client, session_id: str, timeout_s: float = CLAIM_TIMEOUT_S) -> None:
    """Have another door that holds the session give it up; a door that does not answer is taken for dead."""
    try:
        await nc.request(claim_subject(session_id), timeout=timeout_s)
    except (NoRespondersError, TimeoutError) as error:
        log.debug("claim of %s: %r", session_id, error)
