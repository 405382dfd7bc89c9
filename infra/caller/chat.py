"""A conversation by text with an agent elsewhere: the client of `POST /chat`."""

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx
from httpx_sse import EventSource, SSEError

CONNECT_TIMEOUT_S = 10.0
SILENT_TIMEOUT_S = 60.0
"""After this long without a byte the door counts as gone: it sends a ping every 15 s."""


class ChatFailed(RuntimeError):
    """A turn was not answered; `code` is the door's, empty if the door could not be reached."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class ChatEvent:
    """What the door sends about an answer: `name` is its kind (`token`, `tool-started`, `done`, …)."""

    name: str
    data: dict[str, Any]


class ChatClient:
    """One conversation: `say` opens it, the next `say` continues it, `hang_up` ends it.

    `door` is the page's address. `opening` are fields of the first turn (`user_id`, `agent`, …). `token` identifies the
    user, or the operator.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        door: str,
        opening: Mapping[str, Any],
        *,
        token: str = "",
        session_id: str = "",
        resume_token: str = "",
    ) -> None:
        self.session_id = session_id
        self.resume_token = resume_token
        self._http = http
        self._door = http_url(door)
        self._opening = dict(opening)
        self._token = token

    async def say(self, text: str) -> AsyncGenerator[ChatEvent, None]:
        """Say something, and yield the answer's events as they come; the last is `done`. Raises ChatFailed.

        Leaving early stops the answer: what was delivered by then counts as read.
        """
        headers = {"Accept": "text/event-stream"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        timeout = httpx.Timeout(SILENT_TIMEOUT_S, connect=CONNECT_TIMEOUT_S)
        turn = {"text": text} | self._session()
        try:
            async with self._http.stream(
                "POST", f"{self._door}/chat", json=turn, headers=headers, timeout=timeout
            ) as answer:
                if answer.status_code != httpx.codes.OK:
                    raise _failed(await answer.aread(), answer.status_code)
                async for event in self._events(EventSource(answer)):
                    yield event
        except (httpx.HTTPError, SSEError) as error:
            raise ChatFailed(f"{self._door} does not answer: {str(error) or type(error).__name__}") from error

    async def hang_up(self) -> None:
        """End the conversation, if one was opened. Raises nothing: an open one ends by itself when it is idle."""
        if not self.session_id:
            return
        secret = self.resume_token or self._token
        headers = {"Authorization": f"Bearer {secret}"} if secret else {}
        with suppress(httpx.HTTPError):
            close = f"{self._door}/sessions/{self.session_id}/close"
            await self._http.post(close, headers=headers, timeout=CONNECT_TIMEOUT_S)

    def _session(self) -> dict[str, Any]:
        if not self.session_id:
            return self._opening
        return {"session_id": self.session_id, "resume_token": self.resume_token}

    async def _events(self, source: EventSource) -> AsyncGenerator[ChatEvent, None]:
        async for sent in source.aiter_sse():
            event = ChatEvent(sent.event, _object(sent.data))
            if event.name == "error":
                raise ChatFailed(_told(event.data), str(event.data.get("code", "")))
            if event.name == "session":
                self.session_id = event.data["session_id"]
                self.resume_token = event.data.get("resume_token") or self.resume_token
            yield event
            if event.name == "done":
                return
        raise ChatFailed("the answer broke off: the door closed the connection")


def http_url(door: str) -> str:
    """Return the address of a door's HTTP API for that of its page or of its WebSocket."""
    for ws, http in (("ws://", "http://"), ("wss://", "https://")):
        if door.startswith(ws):
            door = http + door.removeprefix(ws).rstrip("/").removesuffix("/ws")
    return door.rstrip("/")


def _failed(body: bytes, status: int) -> ChatFailed:
    problem = _object(body.decode(errors="replace"))
    return ChatFailed(_told(problem) or f"the door answered with HTTP status {status}", str(problem.get("code", "")))


def _told(problem: Mapping[str, Any]) -> str:
    return str(problem.get("detail") or problem.get("title") or "")


def _object(text: str) -> dict[str, Any]:
    """Return a JSON object; an empty one for anything else, such as a proxy's error page."""
    try:
        data = json.loads(text)
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}
