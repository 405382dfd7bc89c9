"""The tapes of this process: made with its broker, written for as long as its app runs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from faststream.nats import NatsBroker
from nats.errors import Error as NatsError

from contracts.topology import journal_subject
from infra.cannot_run import CannotRun
from infra.log.clock import CLOCK
from infra.log.connection import connection
from infra.metrics.metric import one
from infra.metrics.table import TAPE_DROPPED
from infra.process.build import build
from infra.process.tasks import ended
from infra.settings import settings
from infra.tape.live import LiveTapes, new_instance
from infra.tape.tape import Tapes
from infra.tape.untaped import Untaped

_OF_NOBODY = Untaped()


def make_tapes(broker: NatsBroker, actor: str) -> Tapes:
    """Return tapes for a copy of an actor; without a stream for them (`journal_max_mb` 0) they are not written."""
    instance = new_instance(actor)
    try:
        is_written = settings().journal_max_mb > 0
    except CannotRun:
        is_written = False  # reported when the app runs, not when it is imported
    if not is_written:
        return Untaped(instance)

    async def publish(session_id: str, chunk: bytes) -> bool:
        nc = connection(broker)
        try:
            if nc is None or not nc.is_connected:
                return False
            await nc.publish(journal_subject(session_id, actor), chunk)
        except (NatsError, OSError):
            return False
        return True

    return LiveTapes(actor, instance, build(), publish, CLOCK.peek_ns)


def tapes_of(broker: NatsBroker) -> Tapes:
    """Return the tapes of the process whose broker this is."""
    tapes: Tapes = getattr(broker, "tapes", _OF_NOBODY)
    return tapes


@asynccontextmanager
async def tapes_written(broker: NatsBroker) -> AsyncIterator[None]:
    """Publish the tapes of a connected broker within, and what is left of them at the end."""
    tapes = tapes_of(broker)
    if not isinstance(tapes, LiveTapes):
        yield
        return
    writing = asyncio.create_task(tapes.write(), name="writing tapes")
    try:
        with TAPE_DROPPED.observed_by(one(lambda: tapes.dropped)):
            yield
    finally:
        await ended(writing)
        await tapes.finish()
