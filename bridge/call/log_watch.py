"""Notices when the log is away or stores nothing, and when it is back, for the calls in progress.

A server that hangs keeps its connections open for half a minute: it is away as soon as it does not answer. One whose
disk is full answers but stores nothing: while there are calls a write is tried, as sound alone needs no storing.
"""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from faststream.nats import NatsBroker
from nats.errors import Error as NatsError
from nats.js.errors import NotFoundError

from bridge.call.call import Call
from contracts.topology import AUDIO
from infra.log.connection import answers, connection, jetstream
from infra.log.log_probe import LogProbe, refusals
from infra.process.tasks import own_cancellation_only

log = logging.getLogger(__name__)

WATCH_S = 0.2
PROBE_S = 4.0
"""How often a write to the log is tried: each costs a write to disk."""
PROBE_ANSWER_S, PROBE_AGAIN_S = 3.0, 1.0
"""How long it may take; a single failure may be chance, so it is tried again."""
RETURN_S = 0.5
"""After the log is back: the listeners to microphones need a moment to reconnect, too."""


async def watch_log(broker: NatsBroker, calls: Callable[[], Iterable[Call]]) -> None:
    """Notify the calls when the log goes away or comes back, until cancelled; may be restarted at any time."""
    watch = _Watch(broker, calls)
    async with asyncio.TaskGroup() as group:
        group.create_task(_until_stopped(watch.probe()), name="trying whether the log takes facts")
        group.create_task(_until_stopped(watch.look()), name="asking whether the log is there")


async def _until_stopped(work: Coroutine[Any, Any, None]) -> None:
    """Await `work`; a task that is cancelled from outside would leave its group silently."""
    with own_cancellation_only():
        await work


class _Watch:
    def __init__(self, broker: NatsBroker, calls: Callable[[], Iterable[Call]]) -> None:
        self._broker = broker
        self._calls = calls
        self._reconnects = connection(broker).stats["reconnects"]
        self._silent = False
        self._back_s = -math.inf
        self._takes_facts = True

    async def probe(self) -> None:
        every, now = LogProbe(PROBE_S, PROBE_ANSWER_S), LogProbe(0, PROBE_ANSWER_S)
        while True:
            await asyncio.sleep(WATCH_S)
            nc, asked_s = connection(self._broker), time.monotonic()
            reconnects = nc.stats["reconnects"]
            takes_facts = not list(self._calls()) or not await every.problem(jetstream(self._broker))
            if not takes_facts and self._takes_facts:
                await asyncio.sleep(PROBE_AGAIN_S)  # a server that ends, or a slow disk, is not a full disk
                takes_facts = not await now.problem(jetstream(self._broker))
            is_same = nc.is_connected and nc.stats["reconnects"] == reconnects
            if is_same and asked_s > self._back_s:  # else the lack of answers has shown that the log was away
                self._takes_facts = takes_facts

    async def look(self) -> None:
        while True:
            await asyncio.sleep(WATCH_S)
            if not (await self._answers() and self._takes_facts):
                for call in self._calls():
                    call.outage.begin()
            elif not any(call.outage.is_on for call in self._calls()):
                for call in self._calls():
                    call.outage.log_answered()
            elif await _is_provisioned(self._broker):
                await asyncio.sleep(RETURN_S)
                for call in list(self._calls()):
                    await _tell_back(call)

    async def _answers(self) -> bool:
        nc = connection(self._broker)
        is_other = nc.stats["reconnects"] != self._reconnects
        self._reconnects = nc.stats["reconnects"]
        answered = await answers(nc)
        if (self._silent or is_other) and answered:
            self._back_s, self._takes_facts = time.monotonic(), True
            refusals.back(self._back_s)
        self._silent = not answered
        return answered


async def _tell_back(call: Call) -> None:
    try:
        if call.outage.is_on:
            await call.outage.end()
    except (NatsError, OSError) as error:
        log.warning("session %s could not be informed that the log is back: %r", call.session_id, error)


async def _is_provisioned(broker: NatsBroker) -> bool:
    try:
        await jetstream(broker).stream_info(AUDIO)
    except (NatsError, NotFoundError, TimeoutError):
        return False
    return True
