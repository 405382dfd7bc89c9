"""Text in a room by `lk.chat`, the stream by which LiveKit's own components write."""

import json

import pytest
from livekit import rtc

from bridge.livekit.chat import CHAT_TOPIC, ID_ATTRIBUTE, TAKEN_TOPIC
from bridge.livekit.requests import TEXT_METHOD
from contracts import events as e
from infra.livekit.naming import session_of_room
from tests.bridge.agent import Agent
from tests.bridge.livekit.conftest import Invite, StartBridge
from tests.bridge.livekit.guest import Guest
from tests.bridge.livekit.keeping import ask_until_stored
from tests.bridge.livekit.session_log import facts_with, one
from tests.bridge.livekit.shared_bridge import *  # noqa: F403 (its fixtures)
from tests.bridge.livekit.shared_bridge import own_bridge
from tests.bridge.text_door_contract import (
    WITHIN_S,
    NamedTextsContract,
    OutageContract,
    RefusedText,
    TextDoor,
    TextDoorContract,
)
from tests.waiting import until

shared_bridge = own_bridge()  # NATS is away for a while


class RoomDoor(TextDoor):
    """Somebody in a room with the agent. A text without an id is told as stored by its stream's."""

    def __init__(self, guest: Guest, session_id: str) -> None:
        self.session_id = session_id
        self._guest = guest
        self._taken: list[str] = []
        self._refused: list[str] = []
        guest.room.on("data_received", self._on_data)
        guest.room.register_text_stream_handler(CHAT_TOPIC, lambda reader, _: guest.own(self._read(reader)))

    async def write(self, text: str, text_id: str = "") -> RefusedText | None:
        taken, refused = len(self._taken), len(self._refused)
        named = {ID_ATTRIBUTE: text_id} if text_id else {}
        stream = await self._guest.room.local_participant.send_text(text, topic=CHAT_TOPIC, attributes=named)
        await until(
            lambda: (text_id or stream.stream_id) in self._taken[taken:] or self._refused[refused:], WITHIN_S, text[:20]
        )
        return RefusedText("", self._refused[refused]) if self._refused[refused:] else None

    def _on_data(self, packet: rtc.DataPacket) -> None:
        if packet.topic == TAKEN_TOPIC:
            self._taken.append(json.loads(packet.data)["id"])

    async def _read(self, reader: rtc.TextStreamReader) -> None:
        self._refused.append(await reader.read_all())


class TestRoomChat(TextDoorContract, NamedTextsContract, OutageContract):
    """No SessionsContract: who is in the room writes in its session and names none; LiveKit's token lets them in."""

    keeps_text = True

    @pytest.fixture
    async def text_door(self, start_bridge: StartBridge, invite: Invite, agent: Agent) -> TextDoor:
        await start_bridge()
        guest = await invite()
        session_id = session_of_room(await guest.room.sid)
        await facts_with(agent, session_id, e.TrackPublished)
        await until(lambda: guest.states[-1:] == ["listening"])
        return RoomDoor(guest, session_id)


async def test_a_text_as_long_as_is_allowed_is_taken(start_bridge: StartBridge, invite: Invite, agent: Agent) -> None:
    await start_bridge()
    ada = await invite(identity="ada", mic=False)
    session_id = session_of_room(await ada.room.sid)
    await until(lambda: ada.states[-1:] == ["listening"])
    text = "é" * 8000
    await ask_until_stored(ada, TEXT_METHOD, id="long", text=text)
    turn = await one(agent, session_id, e.TurnEnded)
    assert isinstance(turn, e.TurnEnded)
    assert turn.text == text
