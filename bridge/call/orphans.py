"""Calls that a door left open when it died: who finds them, so that they are ended if nobody comes back."""

import logging
from collections.abc import AsyncIterator

from nats.aio.client import Client
from nats.errors import NoRespondersError

from contracts.topology import held_subject
from infra.session.index import newest_sessions

log = logging.getLogger(__name__)

LOOKED_THROUGH = 5_000
"""How many of the newest sessions are looked through."""
ANSWER_TIMEOUT_S = 2.0


async def is_held(nc: Client, session_id: str, timeout_s: float) -> bool:
    """Tell whether a process holds a session. Raises TimeoutError if one does that does not answer, nats errors."""
    try:
        await nc.request(held_subject(session_id), timeout=timeout_s)
    except NoRespondersError:
        return False
    return True


async def orphans(nc: Client, door: str) -> AsyncIterator[str]:
    """Yield the open sessions of a door that no process holds. Raises nats errors, LogUnavailable."""
    async for listed in newest_sessions(nc, LOOKED_THROUGH):
        is_open = not listed.closed and not listed.erased
        if is_open and listed.event.door == door and not await may_be_held(nc, listed.event.session_id):
            yield listed.event.session_id


async def may_be_held(nc: Client, session_id: str) -> bool:
    """Tell whether a process holds a session, or seems to: one that does not answer in time. Raises nats errors."""
    try:
        return await is_held(nc, session_id, ANSWER_TIMEOUT_S)
    except TimeoutError:
        log.debug("whoever holds %s is busy", session_id)
        return True
