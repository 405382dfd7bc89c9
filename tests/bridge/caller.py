"""A client of the door, as the page is one."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

WAIT_S = 120


async def wait_for(found: Callable[[], object]) -> None:
    """Wait for a condition that nothing tells of."""
    async with asyncio.timeout(WAIT_S):
        while not found():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


class Caller:
    """Keeps all that came: messages in order, and sound by reply."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.messages: list[dict[str, Any]] = []
        self.sound: dict[str, bytes] = {}
        self.session_id = ""
        self.resume_token = ""
        self.close_code: int | None = None
        self._changed = asyncio.Condition()
        self._reply = ""

    @staticmethod
    @asynccontextmanager
    async def connected(port: int) -> AsyncIterator["Caller"]:
        async with connect(f"ws://127.0.0.1:{port}/ws", compression=None, max_size=2**24) as connection:
            caller = Caller(connection)
            reading = asyncio.create_task(caller._read())
            try:
                yield caller
            finally:
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)

    async def _read(self) -> None:
        try:
            async for data in self.connection:
                self._take(data)
                async with self._changed:
                    self._changed.notify_all()
        except ConnectionClosed:
            pass
        self.close_code = self.connection.close_code
        async with self._changed:
            self._changed.notify_all()

    def _take(self, data: str | bytes) -> None:
        if isinstance(data, bytes):
            self.sound[self._reply] = self.sound.get(self._reply, b"") + data
            return
        message = json.loads(data)
        if message["type"] == "reply":
            self._reply = message["reply_id"]
        self.messages.append(message)

    async def send(self, **message: object) -> None:
        await self.connection.send(json.dumps(message))

    async def hello(self, **fields: object) -> None:
        await self.send(type="hello", **fields)
        if fields.get("expect") != "refusal":
            welcome = await self.message("welcome")
            self.session_id = welcome["session_id"]
            self.resume_token = welcome.get("resume_token", fields.get("resume_token", ""))

    @property
    def resuming(self) -> dict[str, object]:
        """What another connection says to go on with this one's session."""
        return {"session_id": self.session_id, "resume_token": self.resume_token}

    async def played(self, reply_id: str, samples: int, **flags: bool) -> None:
        await self.send(type="played", reply_id=reply_id, samples=samples, **flags)

    async def until(self, found: Any) -> Any:
        """Wait until `found()` is true, and return it."""
        async with asyncio.timeout(WAIT_S), self._changed:
            try:
                return await self._changed.wait_for(found)
            except asyncio.CancelledError:
                print("what came:", *self.messages[-30:], sep="\n  ")
                raise

    async def message(self, kind: str, **fields: object) -> dict[str, Any]:
        wanted = {"type": kind} | fields

        def found() -> dict[str, Any] | None:
            return next((m for m in self.messages if wanted.items() <= m.items()), None)

        message: dict[str, Any] = await self.until(found)
        return message

    async def fact(self, name: str, n: int = 0) -> dict[str, Any]:
        """Wait for the n-th fact of a class, and return its fields."""

        def found() -> dict[str, Any] | None:
            facts = self.facts(name)
            return facts[n] if len(facts) > n else None

        fields: dict[str, Any] = await self.until(found)
        return fields

    def facts(self, name: str) -> list[dict[str, Any]]:
        return [m["data"] for m in self.messages if m["type"] == "fact" and m["name"] == name]

    def fact_names(self) -> list[str]:
        return [m["name"] for m in self.messages if m["type"] == "fact"]

    async def closed(self) -> int:
        await self.until(lambda: self.close_code is not None)
        assert self.close_code is not None
        return self.close_code
