"""Asking for a session that another door may hold."""

import logging

from nats.aio.client import Client
from nats.errors import NoRespondersError

from contracts.topology import (
    claim_subject,
)

log = logging.getLogger(__name__)

CLAIM_TIMEOUT_S = 2.0


async def claim(nc: Client, session_id: str, timeout_s: float = CLAIM_TIMEOUT_S) -> None:
    """Have another door that holds the session give it up; a door that does not answer is taken for dead."""
    try:
        await nc.request(claim_subject(session_id), timeout=timeout_s)
    except (NoRespondersError, TimeoutError) as error:
        log.debug("claim of %s: %r", session_id, error)
