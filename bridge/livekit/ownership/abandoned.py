"""Sessions that lost both their job and their lease: all bridges died, or NATS lost the leases while one died.

A bridge looks for them when it starts, when NATS is back, and now and then.
"""

import asyncio
import logging

from faststream.nats import NatsBroker
from livekit import api
from nats.errors import Error as NatsError
from nats.js.errors import APIError, KeyNotFoundError

from bridge.call.ownership import may_be_held, orphans
from bridge.livekit.api import LIVEKIT_ERRORS, livekit_api
from bridge.livekit.ownership.lease import OVER, Holding, bucket_of
from bridge.livekit.ownership.successor import API_TIMEOUT_S, Successor
from bridge.livekit.room_job import LIVEKIT
from infra.livekit.naming import session_of_room
from infra.log.connection import connection
from infra.log.event_log import LogUnavailable
from infra.settings import Settings
from infra.tape.tape import Tapes

log = logging.getLogger(__name__)

PATIENCE_S = 5.0
"""How long a session must have no owner: jobs that are alive reconnect to NATS one after the other."""
LOOK_AGAIN_S = 600.0
CHECK_S = 1.0
"""How often it is asked whether NATS was away."""


class Abandoned:
    """Has them taken over in their rooms, or ended if the room is gone, until cancelled: `await Abandoned(…).run()`.

    It assumes that all bridges of one NATS serve the same LiveKit server.
    """

    def __init__(self, broker: NatsBroker, tapes: Tapes, settings: Settings) -> None:
        self._broker = broker
        self._settings = settings
        self._successor = Successor(broker, tapes, settings)

    async def run(self) -> None:
        """Look for them whenever there may be some."""
        while True:
            reconnects = self._reconnects
            try:
                await self._look()
            except (NatsError, APIError, LogUnavailable, *LIVEKIT_ERRORS) as error:
                log.debug("looking for abandoned sessions: %r; trying again", error)
                await asyncio.sleep(PATIENCE_S)
            else:
                await self._next(reconnects)

    @property
    def _reconnects(self) -> int:
        return connection(self._broker).stats["reconnects"]

    async def _next(self, reconnects: int) -> None:
        for _ in range(int(LOOK_AGAIN_S / CHECK_S)):
            if self._reconnects != reconnects:
                return
            await asyncio.sleep(CHECK_S)

    async def _look(self) -> None:
        nc = connection(self._broker)
        reconnects = self._reconnects
        found = [session_id async for session_id in orphans(nc, LIVEKIT) if await self._free_at(session_id) is not None]
        if not found:
            return
        await asyncio.sleep(PATIENCE_S)
        if self._reconnects != reconnects:
            return  # nobody could renew a lease meanwhile
        rooms = await self._rooms()
        for session_id in found:
            revision = await self._free_at(session_id)
            if revision is not None and not await may_be_held(nc, session_id):
                await self._see_to(session_id, rooms.get(session_id), revision)

    async def _free_at(self, session_id: str) -> int | None:
        """Return at which revision (0: none) a session has no lease that anybody watches, None if it has one."""
        try:
            entry = await (await bucket_of(self._broker)).get(session_id)
        except KeyNotFoundError:
            return 0
        is_over = Holding.model_validate_json(entry.value or b"").state == OVER
        return (entry.revision or 0) if is_over else None

    async def _rooms(self) -> dict[str, api.Room]:
        async with asyncio.timeout(API_TIMEOUT_S), livekit_api(self._settings) as livekit:
            rooms = (await livekit.room.list_rooms(api.ListRoomsRequest())).rooms
        return {session_of_room(room.sid): room for room in rooms}

    async def _see_to(self, session_id: str, room: api.Room | None, revision: int) -> None:
        agent_name = self._settings.livekit_agent_name
        holding = Holding(session_id=session_id, room="", room_sid="", agent_name=agent_name)
        if room is not None:
            if not await self._is_ours(room):
                return
            holding = holding.model_copy(update={"room": room.name, "room_sid": room.sid})
        await self._successor.see_to(holding, revision)

    async def _is_ours(self, room: api.Room) -> bool:
        """Return whether an agent of our name was sent to the room: others have theirs."""
        async with asyncio.timeout(API_TIMEOUT_S), livekit_api(self._settings) as livekit:
            dispatches = await livekit.agent_dispatch.list_dispatch(room.name)
        return any(dispatch.agent_name == self._settings.livekit_agent_name for dispatch in dispatches)
