"""A client in a room that keeps what it sends until it is told that this is stored, as docs/livekit.md says."""

import asyncio
import json

from livekit import rtc

from bridge.livekit.chat import ID_ATTRIBUTE, TAKEN_TOPIC
from bridge.livekit.requests import REFUSED
from tests.bridge.livekit.guest import Guest

REST_S = 0.2
ANSWER_S = 8


async def ask_until_stored(guest: Guest, method: str, **fields: str) -> int:
    """Ask the agent that is there, again under the same id after each failure; return how often it was asked."""
    for times in range(1, 200):
        agents = guest.agents()
        if agents:
            try:
                await guest.room.local_participant.perform_rpc(
                    destination_identity=agents[0].identity,
                    method=method,
                    payload=json.dumps(fields),
                    response_timeout=ANSWER_S,
                )
            except rtc.RpcError as error:
                if error.code == REFUSED:
                    raise
            else:
                return times
        await asyncio.sleep(REST_S)
    raise TimeoutError(method)


async def write_until_taken(guest: Guest, text: str, text_id: str) -> int:
    """Write on `lk.chat` until the data message comes that it is stored; return how often it was written."""
    taken = asyncio.Event()

    def on_data(packet: rtc.DataPacket) -> None:
        if packet.topic == TAKEN_TOPIC and json.loads(packet.data) == {"id": text_id}:
            taken.set()

    guest.room.on("data_received", on_data)
    try:
        for times in range(1, 60):
            await guest.room.local_participant.send_text(text, topic="lk.chat", attributes={ID_ATTRIBUTE: text_id})
            try:
                await asyncio.wait_for(taken.wait(), 1)
            except TimeoutError:
                continue
            return times
    finally:
        guest.room.off("data_received", on_data)
    raise TimeoutError(text)
