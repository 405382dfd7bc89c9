"""The client of `POST /chat`, against a door that says what each test wants."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from infra.caller.chat import ChatClient, ChatFailed, http_url

SESSION = ("session", {"session_id": "s-1", "turn_id": "t-1", "resume_token": "secret"})
DONE = ("done", {"session_id": "s-1", "text": "Good day."})


class Door:
    """Answers each turn with the next of its streams; keeps what it was asked."""

    def __init__(self, *answers: httpx.Response) -> None:
        self.asked: list[tuple[str, dict[str, Any], str]] = []
        self._answers = list(answers)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content) if request.content else {}
        self.asked.append((request.url.path, body, request.headers.get("authorization", "")))
        return self._answers.pop(0)


def stream(*events: tuple[str, dict[str, Any]]) -> httpx.Response:
    body = "".join(f"event: {name}\r\ndata: {json.dumps(data)}\r\n\r\n" for name, data in events)
    return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=body)


async def client_of(door: Door, **options: str) -> AsyncIterator[ChatClient]:
    async with httpx.AsyncClient(transport=httpx.MockTransport(door)) as http:
        yield ChatClient(http, "http://door", {"user_id": "sam"}, **options)


async def said(client: ChatClient, text: str) -> list[str]:
    return [event.name async for event in client.say(text)]


async def test_a_conversation_is_opened_continued_with_its_secret_and_ended() -> None:
    door = Door(stream(SESSION, ("token", {"text": "Good day."}), DONE), stream(SESSION, DONE), httpx.Response(200))
    async for client in client_of(door):
        assert await said(client, "Hello.") == ["session", "token", "done"]
        assert await said(client, "Again.") == ["session", "done"]
        await client.hang_up()
    assert door.asked == [
        ("/chat", {"text": "Hello.", "user_id": "sam"}, ""),
        ("/chat", {"text": "Again.", "session_id": "s-1", "resume_token": "secret"}, ""),
        ("/sessions/s-1/close", {}, "Bearer secret"),
    ]


async def test_a_token_identifies_the_user() -> None:
    door = Door(stream(SESSION, DONE))
    async for client in client_of(door, token="jwt"):
        await said(client, "Hello.")
    assert door.asked[0][2] == "Bearer jwt"


async def test_nothing_is_ended_that_was_never_opened() -> None:
    door = Door()
    async for client in client_of(door):
        await client.hang_up()
    assert door.asked == []


@pytest.mark.parametrize(
    ("answer", "message", "code"),
    [
        (httpx.Response(409, json={"code": "session-closed", "detail": "it is over"}), "it is over", "session-closed"),
        (httpx.Response(502, text="<html>"), "the door answered with HTTP status 502", ""),
        (stream(SESSION, ("error", {"code": "timeout", "detail": "no answer"})), "no answer", "timeout"),
        (stream(SESSION), "the answer broke off: the door closed the connection", ""),
        (httpx.Response(200, text="not a stream"), "does not answer", ""),
    ],
    ids=["refused", "a proxy's error page", "an error in the stream", "half closed", "no stream"],
)
async def test_a_turn_that_is_not_answered_says_why(answer: httpx.Response, message: str, code: str) -> None:
    async for client in client_of(Door(answer)):
        with pytest.raises(ChatFailed, match=message) as failed:
            await said(client, "Hello.")
        assert failed.value.code == code


async def test_a_door_that_is_away_is_named() -> None:
    def away(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    async with httpx.AsyncClient(transport=httpx.MockTransport(away)) as http:
        with pytest.raises(ChatFailed, match="http://door does not answer: refused"):
            await said(ChatClient(http, "http://door/", {}), "Hello.")


@pytest.mark.parametrize(
    ("door", "url"),
    [
        ("http://h:1/", "http://h:1"),
        ("ws://h:1/ws", "http://h:1"),
        ("wss://h/ws", "https://h"),
        ("https://h", "https://h"),
    ],
)
def test_the_api_is_where_the_page_and_its_websocket_are(door: str, url: str) -> None:
    assert http_url(door) == url
