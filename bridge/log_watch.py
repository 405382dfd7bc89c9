"""Notices when the log goes away and when it is back, for those who talk meanwhile.

A server that hangs keeps its connections open for half a minute: it is away as soon as it does not answer.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable

from faststream.nats import NatsBroker
from nats.errors import Error as NatsError
from nats.js.errors import NotFoundError

from bridge.call import Call
from contracts.topology import AUDIO
from infra.connection import answers, connection, jetstream

log = logging.getLogger(__name__)

WATCH_S = 0.2
RETURN_S = 0.5
"""After the log is back: those who listen to microphones need a moment to be back too."""


async def watch_log(broker: NatsBroker, calls: Callable[[], Iterable[Call]]) -> None:
    """Tell the calls there are that the log went away or came back, until cancelled; may be begun again at any time."""
    while True:
        await asyncio.sleep(WATCH_S)
        if not await answers(connection(broker)):
            for call in calls():
                call.log_went_away()
        elif any(call.is_log_away for call in calls()) and await _is_provisioned(broker):
            await asyncio.sleep(RETURN_S)
            for call in list(calls()):
                await _tell_back(call)


async def _tell_back(call: Call) -> None:
    try:
        if call.is_log_away:
            await call.log_came_back()
    except (NatsError, OSError) as error:
        log.warning("session %s: %r", call.session_id, error)


async def _is_provisioned(broker: NatsBroker) -> bool:
    try:
        await jetstream(broker).stream_info(AUDIO)
    except (NatsError, NotFoundError, TimeoutError):
        return False
    return True
