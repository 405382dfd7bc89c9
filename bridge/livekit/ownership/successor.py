"""What follows when a session has lost its job: the agent is sent again, or the session is ended with its room."""

import asyncio
import logging
import secrets

from faststream.nats import NatsBroker
from livekit import api
from nats.js.errors import KeyWrongLastSequenceError

from bridge.call.call import Call
from bridge.livekit.api import livekit_api
from bridge.livekit.ownership.lease import OVER, SENDING, Holding, bucket_of
from infra.livekit.naming import agent_identity
from infra.log.event_log import facts_after
from infra.settings import Settings
from infra.tape.tape import Tapes

log = logging.getLogger(__name__)

API_TIMEOUT_S = 3.0
HISTORY_PATIENCE_S = 5.0


class Successor:
    """Acts for one bridge; the lease lets only one bridge act."""

    def __init__(self, broker: NatsBroker, tapes: Tapes, settings: Settings) -> None:
        self._broker = broker
        self._tapes = tapes
        self._settings = settings
        self._me = secrets.token_hex(8)

    async def see_to(self, before: Holding, revision: int) -> None:
        """Send the agent, or end the session, if its lease has still this revision (0: there is none).

        Raises nats errors, LogUnavailable, LIVEKIT_ERRORS: the lease is then tried again after `SENDING_S`.
        """
        holding = before.model_copy(update={"state": SENDING, "owner": self._me})
        bucket = await bucket_of(self._broker)
        try:
            revision = await bucket.update(holding.session_id, holding.model_dump_json().encode(), last=revision)
        except KeyWrongLastSequenceError:
            return  # its job is alive after all, or another bridge was quicker
        async with asyncio.timeout(API_TIMEOUT_S), livekit_api(self._settings) as livekit:
            if await _is_there(livekit, holding):
                log.warning("session %s: its job is gone; another is sent to room %s", holding.session_id, holding.room)
                await _send(livekit, holding)
                return
        await self._end(holding.session_id)
        over = holding.model_copy(update={"state": OVER})
        await bucket.update(holding.session_id, over.model_dump_json().encode(), last=revision)

    async def _end(self, session_id: str) -> None:
        """End the session in the log: there is no room any more in which anybody could."""
        past = await facts_after(self._broker, session_id, patience_s=HISTORY_PATIENCE_S)
        call = Call(self._broker, self._tapes, session_id, self._settings, lambda _: None)
        await call.open(past)
        if call.state.opened and not call.state.closed:
            log.warning("session %s: its job and its room are gone; it is ended", session_id)
            await call.end_abandoned("room-gone")
        else:
            await call.leave()


async def _is_there(livekit: api.LiveKitAPI, holding: Holding) -> bool:
    if not holding.room_sid:
        return False  # it is not among the rooms, and no room gets the sid of an earlier one
    rooms = await livekit.room.list_rooms(api.ListRoomsRequest(names=[holding.room]))
    return any(room.sid == holding.room_sid for room in rooms.rooms)


async def _send(livekit: api.LiveKitAPI, holding: Holding) -> None:
    # Do this first: LiveKit ends the job of an identity that it removes, and would end the new one.
    identity = agent_identity(holding.session_id)
    try:
        await livekit.room.remove_participant(api.RoomParticipantIdentity(room=holding.room, identity=identity))
    except api.TwirpError as error:
        if error.code != api.TwirpErrorCode.NOT_FOUND:
            raise
    request = api.CreateAgentDispatchRequest(agent_name=holding.agent_name, room=holding.room)
    await livekit.agent_dispatch.create_dispatch(request)
