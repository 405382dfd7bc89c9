"""A moderation actor: it ends a call in which somebody says something forbidden.

.venv/bin/faststream run --app-dir docs/examples moderation:app
"""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from nats.errors import NoRespondersError

from contracts import events as e
from contracts.requests import end_request
from contracts.topology import Durable, end_subject
from infra.log.broker import make_app, make_broker
from infra.log.connection import connection
from infra.log.inbox import Inbox
from infra.session.addressing import words_of

MODERATION = Durable("moderation", (e.TurnEnded,), from_now_on=True)
FORBIDDEN = frozenset({"password", "pin"})
ENDED_FOR = end_request("moderation")

log = logging.getLogger(__name__)
broker = make_broker(MODERATION.name)
inbox = Inbox(broker, MODERATION)


@inbox.on(e.TurnEnded)
async def turn_ended(event: e.TurnEnded) -> None:
    """Ask the door that has the call to end it."""
    if FORBIDDEN.isdisjoint(words_of(event.text)):
        return
    try:
        await connection(broker).request(end_subject(event.session_id), ENDED_FOR, timeout=5)
    except NoRespondersError:
        log.warning("session %s is not a call, or is over: there is nothing to end", event.session_id)


@asynccontextmanager
async def lifespan() -> AsyncIterator[None]:
    """Receive events while the app runs."""
    async with inbox:
        yield


app = make_app(MODERATION.name, broker, lifespan)
