"""Type to the agent over its WebSocket, and read what it says: `python docs/examples/ws_client.py ws://127.0.0.1:8080/ws`.

A client of the protocol in docs/protocol.md: it comes back when the line breaks, sends a text until it is stored, and
"hears" each reply at once, as it has no loudspeaker.
"""

import asyncio
import json
import sys
import uuid
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed


class TextClient:
    """One session: texts that are not stored yet, and what it takes to come back."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.unsaid: dict[str, str] = {}
        self.answers: asyncio.Queue[str] = asyncio.Queue()
        self._session: dict[str, Any] = {}
        self._sequence = 0
        self._socket: ClientConnection | None = None

    async def say(self, text: str) -> None:
        """Say a turn; it is sent again on each new connection until the server tells that it is stored."""
        self.unsaid[message_id := uuid.uuid4().hex] = text
        if self._socket is not None:
            await self._socket.send(json.dumps({"type": "text", "id": message_id, "text": text}))

    async def run(self) -> None:
        """Hold the session until it is over; cancel it to leave."""
        async for socket in connect(self.url):  # waits longer each time it fails
            try:
                await socket.send(json.dumps({"type": "hello", "mic": False, "replies": [], **self._session}))
                async for message in socket:
                    if isinstance(message, str):  # bytes are the agent's voice
                        await self._take(socket, json.loads(message))
            except ConnectionClosed:
                pass
            self._socket = None
            if socket.close_code in (1000, 4400, 4401, 4403, 4409, 4410):
                return

    async def _take(self, socket: ClientConnection, message: dict[str, Any]) -> None:
        match message:
            case {"type": "welcome", "session_id": session_id}:
                token = message.get("resume_token") or self._session.get("resume_token")
                self._session, self._socket = {"session_id": session_id, "resume_token": token}, socket
                for message_id, text in self.unsaid.items():
                    await socket.send(json.dumps({"type": "text", "id": message_id, "text": text}))
            case {"type": "taken" | "error", "id": message_id}:
                self.unsaid.pop(message_id, None)
            case {"type": "reply_end", "reply_id": reply_id, "samples": samples}:
                played = {"type": "played", "reply_id": reply_id, "samples": samples, "started": True, "ended": True}
                await socket.send(json.dumps(played))
            case {"type": "fact", "sequence": sequence, "name": name, "data": data} if sequence > self._sequence:
                self._sequence = sequence
                if name == "PlaybackFinished":
                    await self.answers.put(data["heard_text"])


async def main() -> None:
    """Say each line of the input, and print each answer."""
    client = TextClient(sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8080/ws")
    running = asyncio.create_task(client.run())
    while line := await asyncio.to_thread(sys.stdin.readline):
        await client.say(line.strip())
        print(await client.answers.get())
    running.cancel()


if __name__ == "__main__":
    asyncio.run(main())
