"""The page's typed text at the WebSocket door."""

import itertools

import pytest

from bridge.web_server import WebServer
from tests.bridge.caller import Caller
from tests.bridge.conftest import Connect
from tests.bridge.text_door_contract import (
    NamedTextsContract,
    OutageContract,
    RefusedText,
    SessionsContract,
    TextDoor,
    TextDoorContract,
)


class PageDoor(TextDoor):
    """A call without a microphone."""

    def __init__(self, caller: Caller, door: WebServer) -> None:
        self.session_id = caller.session_id
        self._caller = caller
        self._door = door
        self._ids = itertools.count()

    async def write(self, text: str, text_id: str = "") -> RefusedText | None:
        text_id = text_id or f"text-{next(self._ids)}"
        told = len(self._caller.messages)
        await self._caller.send(type="text", text=text, id=text_id)

        def answers() -> list[dict[str, str]]:
            new = self._caller.messages[told:]
            return [each for each in new if each["type"] in ("taken", "error") and each.get("id") == text_id]

        await self._caller.until(answers)
        answer = answers()[0]
        return RefusedText(answer["code"], answer["message"]) if answer["type"] == "error" else None

    async def enter(self, session_id: str) -> RefusedText | None:
        async with Caller.connected(self._door.port) as stranger:
            await stranger.hello(session_id=session_id, only_resume=True, user_id="eve", expect="refusal")
            error = await stranger.message("error")
            return RefusedText(error["code"], error["message"])


class TestTypedText(TextDoorContract, NamedTextsContract, OutageContract, SessionsContract):
    keeps_text = True

    @pytest.fixture
    async def text_door(self, connect: Connect, door: WebServer) -> TextDoor:
        return PageDoor(await connect(mic=False, user_id="sam"), door)
