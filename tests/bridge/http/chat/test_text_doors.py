"""The HTTP door's three ways for text: `POST /chat` whole and as a stream, and the same by NATS request."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import msgpack
import pytest
from faststream.nats import NatsBroker

from bridge.http.problems import STATUS
from contracts.topology import chat_subject
from infra.log.connection import connection
from tests.bridge.http.answering import Stream, sse
from tests.bridge.text_door_contract import (
    OutageContract,
    RefusedText,
    SessionsContract,
    TextDoor,
    TextDoorContract,
)

Post = Callable[[dict[str, str]], Awaitable[dict[str, Any]]]
"""Sends the fields of a turn; returns the answer's or the problem's."""


class ChatDoor(TextDoor):
    """A conversation by `/chat`, of the user `sam`."""

    def __init__(self, post: Post) -> None:
        self.session_id = ""
        self._post = post
        self._secret = ""

    async def write(self, text: str, text_id: str = "") -> RefusedText | None:
        session = {"session_id": self.session_id, "resume_token": self._secret} if self.session_id else {}
        answer = await self._post({"text": text, "user_id": "sam"} | session)
        if "session_id" in answer:
            self.session_id = answer["session_id"]
            self._secret = answer.get("resume_token") or self._secret
        return _refusal(answer)

    async def enter(self, session_id: str) -> RefusedText | None:
        return _refusal(await self._post({"text": "Hello.", "session_id": session_id, "user_id": "eve"}))


def _refusal(answer: dict[str, Any]) -> RefusedText | None:
    return RefusedText(answer["code"], answer["detail"]) if "code" in answer else None


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a turn wait for the one before it however busy the machine is."""
    monkeypatch.setattr("bridge.http.chat.conversations.BUSY_PATIENCE_S", 30)


class TestChat(TextDoorContract, OutageContract, SessionsContract):
    """`POST /chat`. No NamedTextsContract: a request has no id; who hears no answer goes on, or begins anew."""

    @pytest.fixture
    def text_door(self, http: httpx.AsyncClient) -> TextDoor:
        async def post(fields: dict[str, str]) -> dict[str, Any]:
            answer = await http.post("/chat", json=fields)
            told: dict[str, Any] = answer.json()
            assert answer.status_code == (STATUS[told["code"]] if "code" in told else 200)
            assert ("retry-after" in answer.headers) == (answer.status_code == 503)
            return told

        return ChatDoor(post)


class TestStreamedChat(TextDoorContract, OutageContract, SessionsContract):
    """`POST /chat` by server-sent events; without ids as well."""

    @pytest.fixture
    def text_door(self, http: httpx.AsyncClient) -> TextDoor:
        async def post(fields: dict[str, str]) -> dict[str, Any]:
            stream = Stream()
            async with http.stream("POST", "/chat", json=fields, headers={"Accept": "text/event-stream"}) as answer:
                if answer.status_code != 200:
                    problem: dict[str, Any] = httpx.Response(200, content=await answer.aread()).json()
                    return problem
                async for event in sse(answer):
                    stream.events.append(event)
            (end,) = stream.of("done") or stream.of("error")
            return end

        return ChatDoor(post)


class TestChatByRequest(TextDoorContract, SessionsContract):
    """`do.<session>.reasoning.chat`. No OutageContract: the request itself needs NATS. No ids, as with `/chat`."""

    @pytest.fixture
    def text_door(self, http: httpx.AsyncClient, broker: NatsBroker) -> TextDoor:
        async def post(fields: dict[str, str]) -> dict[str, Any]:
            session_id = fields.pop("session_id", "new")
            answer = await connection(broker).request(chat_subject(session_id), msgpack.packb(fields), timeout=60)
            told: dict[str, Any] = msgpack.unpackb(answer.data)
            problem = told.get("error")
            return {"code": problem["code"], "detail": problem["message"]} if problem else told

        return ChatDoor(post)
