"""Rooms in which people wait without an agent: they were created while there was no bridge."""

import asyncio
import logging

from livekit import api

from bridge.livekit.api import LIVEKIT_ERRORS, livekit_api
from bridge.livekit.persons import is_person
from infra.livekit.naming import agent_identity, session_of_room
from infra.settings import Settings

log = logging.getLogger(__name__)

TIMEOUT_S = 30.0
MAX_ROOMS = 1000


async def serve_unserved(settings: Settings) -> None:
    """Send the agent to each room that has people and no agent. If several bridges do so, one gets the room."""
    try:
        async with asyncio.timeout(TIMEOUT_S), livekit_api(settings) as livekit:
            rooms = (await livekit.room.list_rooms(api.ListRoomsRequest())).rooms
            for room in rooms[:MAX_ROOMS]:  # its count of participants is some seconds old
                await _serve(livekit, room)
    except LIVEKIT_ERRORS as error:
        log.warning("looking for rooms without an agent: %r", error)


async def _serve(livekit: api.LiveKitAPI, room: api.Room) -> None:
    listed = await livekit.room.list_participants(api.ListParticipantsRequest(room=room.name))
    ours = agent_identity(session_of_room(room.sid))
    if any(p.identity == ours for p in listed.participants) or not any(is_person(p.kind) for p in listed.participants):
        return
    log.info("room %s was made while no bridge was there: the agent is sent", room.name)
    await livekit.agent_dispatch.create_dispatch(api.CreateAgentDispatchRequest(room=room.name))
