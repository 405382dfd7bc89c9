"""Joins a room briefly to check whether media gets through, unseen and without counting as a caller."""

import asyncio
import secrets
import time
from dataclasses import dataclass

from livekit import rtc
from livekit.api import AccessToken, DeleteRoomRequest, LiveKitAPI, VideoGrants
from livekit.protocol.rtc import SignalResponse

from infra.livekit.access import LiveKitAccess


@dataclass(frozen=True, slots=True)
class Joined:
    """The result: `way` is how media went, such as `udp 203.0.113.7:50123`; empty if the SDK does not report it."""

    seconds: float
    version: str
    way: str
    ice_urls: tuple[str, ...]


async def join_quietly(access: LiveKitAccess, timeout_s: float) -> Joined:
    """Join a temporary room, which is deleted afterwards. Raises what the SDK raises, or TimeoutError."""
    name = f"doctor-{secrets.token_hex(6)}"
    # An egress is not a caller: an agent that is sent into the room starts no session for it.
    grants = VideoGrants(room_join=True, room=name, hidden=True, can_publish=False, can_publish_data=False)
    token = AccessToken(access.key, access.secret).with_identity(name).with_kind("egress").with_grants(grants).to_jwt()
    room = rtc.Room()
    try:
        async with asyncio.timeout(timeout_s):
            version, ice_urls = await _signal(access.url, token)
            began = time.monotonic()
            await room.connect(access.url, token)
            return Joined(time.monotonic() - began, version, await _way(room), ice_urls)
    finally:
        async with asyncio.timeout(timeout_s), LiveKitAPI(access.url, access.key, access.secret) as api:
            await room.disconnect()
            await api.room.delete_room(DeleteRoomRequest(room=name))


async def _signal(url: str, token: str) -> tuple[str, tuple[str, ...]]:
    """Return the server's version and the ICE servers for clients, which the SDK does not report."""
    from websockets.asyncio.client import connect

    base = url.replace("http", "ws", 1) if url.startswith("http") else url
    query = f"access_token={token}&protocol=15&auto_subscribe=0&sdk=python"
    async with connect(f"{base.rstrip('/')}/rtc?{query}") as websocket:
        first = SignalResponse.FromString(bytes(await websocket.recv(decode=False)))
    servers = [server_url for server in first.join.ice_servers for server_url in server.urls]
    return first.join.server_info.version, tuple(dict.fromkeys(servers))


async def _way(room: rtc.Room) -> str:
    stats = await room.get_rtc_stats()
    every = [*stats.publisher_stats, *stats.subscriber_stats]
    chosen = {
        each.candidate_pair.candidate_pair.remote_candidate_id
        for each in every
        if each.HasField("candidate_pair") and each.candidate_pair.candidate_pair.nominated
    }
    for each in every:
        if each.HasField("remote_candidate") and each.remote_candidate.rtc.id in chosen:
            candidate = each.remote_candidate.candidate
            return f"{candidate.protocol} {candidate.address}:{candidate.port}"
    return ""
