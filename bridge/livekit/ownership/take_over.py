"""Rooms whose job has died: every bridge watches the leases, and one of them sends the agent there again."""

import asyncio
import logging
import time

from faststream.nats import NatsBroker
from nats.errors import Error as NatsError
from nats.js.errors import APIError

from bridge.call.ownership import is_held
from bridge.livekit.api import LIVEKIT_ERRORS
from bridge.livekit.ownership.lapses import Lapses, Seen
from bridge.livekit.ownership.lease import Holding, bucket_of
from bridge.livekit.ownership.successor import Successor
from contracts.topology import (
    ROOMS,
)
from infra.log.connection import connection
from infra.log.stream_reader import stored_messages
from infra.settings import Settings
from infra.tape.tape import Tapes

log = logging.getLogger(__name__)

WATCH_S = 0.2
LOOK_TIMEOUT_S = 1.0
ANSWER_S = 1.0
"""How long a job whose lease has lapsed may take to answer that it is alive; a dead one is known at once."""


class TakeOver:
    """Watches the rooms of all bridges with our agent's name, until cancelled: `await TakeOver(…).run()`."""

    def __init__(self, broker: NatsBroker, tapes: Tapes, settings: Settings) -> None:
        self._broker = broker
        self._successor = Successor(broker, tapes, settings)
        self._lapses = Lapses(settings.livekit_agent_name)
        self._last = 0
        self._reconnects = 0

    async def run(self) -> None:
        """Look at the leases five times a second."""
        while True:
            try:
                await self._look()
                for seen in await self._dead():
                    await self._successor.see_to(seen.holding, seen.revision)
            except (NatsError, APIError, TimeoutError, OSError) as error:
                log.debug("looking at the rooms: %r", error)
                self._forget()
            except LIVEKIT_ERRORS as error:
                log.warning("a room is without its agent, and LiveKit does not answer: %r", error)
            await asyncio.sleep(WATCH_S)

    def _forget(self) -> None:
        """Give everybody time again: while NATS was away nobody could renew a lease."""
        self._lapses.forget()
        self._last = 0

    async def _look(self) -> None:
        nc = connection(self._broker)
        if nc.stats["reconnects"] != self._reconnects or not nc.is_connected:
            self._reconnects = nc.stats["reconnects"]
            self._forget()
        if not self._last:
            await bucket_of(self._broker)
        asked_s = time.monotonic()
        async for message in stored_messages(
            nc, ROOMS.stream, ROOMS.subjects, self._last + 1, timeout_s=LOOK_TIMEOUT_S
        ):
            self._last = message.sequence
            self._lapses.take(Holding.model_validate_json(message.data), self._last, time.monotonic())
        self._lapses.asked(asked_s)

    async def _dead(self) -> list[Seen]:
        """Return the lapsed leases whose jobs do not answer; a busy machine may have held one up."""
        lapsed = self._lapses.lapsed()
        alive = await asyncio.gather(*(self._is_alive(seen) for seen in lapsed))
        return [seen for seen, answers in zip(lapsed, alive, strict=True) if not answers]

    async def _is_alive(self, seen: Seen) -> bool:
        asked_s = time.monotonic()
        if not seen.may_be_alive(asked_s):
            return False
        try:
            if not await is_held(connection(self._broker), seen.holding.session_id, ANSWER_S):
                return False
        except TimeoutError:
            return False
        log.info("session %s: its job is late, but alive", seen.holding.session_id)
        seen.answered_s = asked_s
        return True
