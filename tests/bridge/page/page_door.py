"""A door for the page's tests: it speaks the page's protocol, and says what the test tells it to."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn
from starlette.applications import Starlette
from starlette.responses import FileResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket, WebSocketDisconnect

from infra.system.nats import free_port

PAGE = Path(__file__).parents[3] / "bridge" / "page"
RECORDER = Path(__file__).with_name("recorder-worklet.js")
RATE_HZ = 24_000
SESSION = "20261122-183015-9f2c1ab4"
TOKEN = "the-secret-of-this-session"


def tone(seconds: float, silence: float = 0.0) -> bytes:
    """Return PCM16 of a quiet tone after some silence."""
    at = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    sound = (8000 * np.sin(2 * np.pi * 220 * at)).astype("<i2")
    return np.zeros(round(silence * RATE_HZ), "<i2").tobytes() + sound.tobytes()


_TIMES = ("at_ms", "clock_ms", "stalled", "resumed")


class PageDoor:
    """The server's side of the conversation, driven by the test; what the page sent is kept for looking at."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}/"
        self.hellos: list[dict[str, Any]] = []
        self.received: list[dict[str, Any]] = []
        self.sound_frames: list[bytes] = []
        self.refuse: dict[str, Any] | None = None
        self.is_away = False
        self.summary = ""
        self.may_summarize = asyncio.Event()
        self.stores = True
        """Whether it tells that it has stored the texts that it is sent."""
        self.sequence = 0
        self.socket: WebSocket | None = None

    async def serve(self, socket: WebSocket) -> None:
        await socket.accept()
        self.socket = None  # the one before, if it was not closed, as by a reload
        if self.is_away:
            await socket.close(1013)
            return
        try:
            hello = json.loads(await socket.receive_text())
            self.hellos.append(hello)
            if self.refuse is not None:
                await socket.send_json(self.refuse)
                await socket.close(1008)
                return
            resumed = "session_id" in hello
            welcome = {"session_id": SESSION, "participant_id": "person-1", "sample_rate_hz": RATE_HZ}
            if not resumed:
                welcome["resume_token"] = TOKEN
            await socket.send_json({"type": "welcome", "resumed": resumed, **welcome})
            self.socket = socket
            await self.listen(socket)
        except WebSocketDisconnect:
            pass

    async def listen(self, socket: WebSocket) -> None:
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            if message.get("bytes") is not None:
                self.sound_frames.append(message["bytes"])
                continue
            self.received.append(json.loads(message["text"]))
            if "id" in self.received[-1] and self.stores:
                await socket.send_json({"type": "taken", "id": self.received[-1]["id"]})
            if self.received[-1]["type"] == "hangup":
                await self.fact("SessionClosed", reason="hangup")
                if self.summary:
                    await self.may_summarize.wait()
                    await self.fact("SummaryWritten", summary=self.summary)
                await socket.close()
                return

    async def send(self, **message: Any) -> None:
        await until(lambda: self.socket is not None)
        assert self.socket is not None
        await self.socket.send_json(message)

    async def fact(self, name: str, *, turn_id: str | None = None, **data: Any) -> None:
        self.sequence += 1
        common = {"event_id": f"e{self.sequence}", "session_id": SESSION, "time_ns": time.time_ns(), "turn_id": turn_id}
        await self.send(type="fact", name=name, sequence=self.sequence, data={**common, **data})

    async def reply(self, reply_id: str, pcm: bytes, *, end: bool = True, **fields: Any) -> None:
        """Send a reply's sound, unpaced, in frames of 20 ms; one that goes on does so from its `first_sample`."""
        await self.send(type="reply", reply_id=reply_id, turn_id="t1", **fields)
        assert self.socket is not None
        frame = RATE_HZ // 50 * 2
        for at in range(0, len(pcm), frame):
            await self.socket.send_bytes(pcm[at : at + frame])
        if end:
            await self.send(type="reply_end", reply_id=reply_id, samples=len(pcm) // 2)

    def played(self, reply_id: str) -> list[dict[str, Any]]:
        """Return the page's reports on a reply, in order, without their times and what they tell of breaks."""
        reports = [each for each in self.received if each["type"] == "played" and each["reply_id"] == reply_id]
        return [{name: value for name, value in each.items() if name not in _TIMES} for each in reports]

    async def drop(self) -> None:
        """Break the connection, as a dying server does."""
        socket, self.socket = self.socket, None
        assert socket is not None
        await socket.close(1012)


async def until(condition: Callable[[], object], seconds: float = 30) -> None:
    """Wait for a condition. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - the conditions are about several things, some in the browser
            await asyncio.sleep(0.01)


@asynccontextmanager
async def running_door() -> AsyncIterator[PageDoor]:
    """Serve the page and its door on a free port."""
    door = PageDoor(free_port())
    routes = [
        WebSocketRoute("/ws", door.serve),
        Route(f"/{RECORDER.name}", lambda _: FileResponse(RECORDER)),
        Mount("/", StaticFiles(directory=PAGE, html=True)),
    ]
    app = Starlette(routes=routes)
    config = uvicorn.Config(app, port=door.port, log_level="warning", lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    try:
        await until(lambda: server.started)
        yield door
    finally:
        server.should_exit = True
        await task
