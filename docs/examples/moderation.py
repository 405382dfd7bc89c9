"""A moderation actor: it ends a call in which somebody says something forbidden.

.venv/bin/faststream run --app-dir docs/examples moderation:app
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from contracts import events as e
from contracts.topology import Durable, end_subject
from infra.log.broker import make_app, make_broker
from infra.log.connection import connection
from infra.log.inbox import Inbox
from infra.session.addressing import words_of

MODERATION = Durable("moderation", (e.TurnEnded,))
FORBIDDEN = frozenset({"password", "pin"})

broker = make_broker(MODERATION.name)
inbox = Inbox(broker, MODERATION)


@inbox.on(e.TurnEnded)
async def turn_ended(event: e.TurnEnded) -> None:
    """Ask the door that has the session to end it."""
    if not FORBIDDEN.isdisjoint(words_of(event.text)):
        await connection(broker).request(end_subject(event.session_id), timeout=5)


@asynccontextmanager
async def lifespan() -> AsyncIterator[None]:
    """Receive events while the app runs."""
    async with inbox:
        yield


app = make_app(MODERATION.name, broker, lifespan)
