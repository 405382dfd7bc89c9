"""A door that answers as the real one would, without speech engines: for tests of the caller."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
from websockets.asyncio.server import ServerConnection, serve

from contracts.ids import derive_id

RATE_HZ = 24_000


def tone(seconds: float, lead_s: float = 0.04) -> bytes:
    """Silence for a moment, then a tone."""
    sound = 8000 * np.sin(np.arange(round(seconds * RATE_HZ)) * 0.1)
    return np.concatenate([np.zeros(round(lead_s * RATE_HZ)), sound]).astype("<i2").tobytes()


class FakeDoor:
    """Takes loud sound as speech and answers each turn after `pause_frames` of silence with a tone."""

    def __init__(self, pause_frames: int = 10, reply_s: float = 0.3) -> None:
        self.pause_frames = pause_frames
        self.reply = tone(reply_s)
        self.mute = False
        self.is_foreign = False
        """It takes what is said for another language, and says so."""
        self.url = ""
        self.hello: dict[str, Any] = {}
        self.refusal: dict[str, Any] = {}
        self.played: list[dict[str, Any]] = []
        self.pcm = bytearray()
        self.arrivals_s: list[float] = []
        self.hung_up = False
        self._sequence = 0
        self._turns = 0
        self._turn_of: dict[str, str] = {}

    async def _fact(self, socket: ServerConnection, fact_name: str, **data: Any) -> None:
        self._sequence += 1
        fact = {"type": "fact", "name": fact_name, "sequence": self._sequence, "data": data}
        await socket.send(json.dumps(fact))

    async def serve(self, socket: ServerConnection) -> None:
        self.hello = json.loads(await socket.recv())
        if self.refusal:
            await socket.send(json.dumps(self.refusal))
            return
        welcome = {"type": "welcome", "session_id": "s-1", "participant_id": "p-1", "sample_rate_hz": RATE_HZ}
        await socket.send(json.dumps({**welcome, "resumed": False}))
        speaking, quiet = False, 0
        async for message in socket:
            if isinstance(message, str):
                if await self._control(socket, json.loads(message)):
                    return
                continue
            self.pcm += message
            self.arrivals_s.append(asyncio.get_running_loop().time())
            loud = bool(np.abs(np.frombuffer(message, "<i2").astype(np.int32)).max(initial=0) > 1000)
            quiet = 0 if loud else quiet + 1
            if loud and not speaking:
                speaking = True
                await self._fact(socket, "SpeechStarted", turn_id=f"t{self._turns}")
            if speaking and quiet >= self.pause_frames and not self.mute:
                speaking = False
                await self._answer(socket)

    async def _answer(self, socket: ServerConnection) -> None:
        turn_id, reply_id = f"t{self._turns}", f"r{self._turns}"
        self._turns += 1
        if self.is_foreign:
            utterance = {"event_id": f"u{turn_id}", "turn_id": turn_id, "speech_ms": 1234.0}
            await self._fact(
                socket, "UtteranceDismissed", **utterance, reason="language", text="Spy Zen", language="en"
            )
            turn_id = derive_id(f"u{turn_id}", "turn")
        else:
            await self._fact(socket, "TurnEnded", turn_id=turn_id, text="Hello there.")
        ids = {"turn_id": turn_id, "reply_id": reply_id}
        self._turn_of[reply_id] = turn_id
        await self._fact(socket, "ReplyStarted", **ids)
        await self._fact(socket, "ReplyClauseWritten", **ids, index=0, text="Hi!")
        await socket.send(json.dumps({"type": "reply", **ids}))
        for start in range(0, len(self.reply), 960):
            await socket.send(self.reply[start : start + 960])
        await socket.send(json.dumps({"type": "reply_end", "reply_id": reply_id, "samples": len(self.reply) // 2}))
        await self._fact(socket, "ReplyCompleted", **ids, text="Hi!", clauses=1)

    async def _control(self, socket: ServerConnection, message: dict[str, Any]) -> bool:
        if message["type"] == "hangup":
            self.hung_up = True
            return True
        self.played.append(message)
        reply_id = message["reply_id"]
        ids = {"turn_id": self._turn_of[reply_id], "reply_id": reply_id}
        if message.get("started"):
            parts = {"endpointing_ms": 200.0, "bus_ms": 5.0}
            await self._fact(socket, "PlaybackStarted", **ids, gap_ms=205.0, parts=parts)
        if message.get("ended"):
            samples = message["samples"]
            await self._fact(socket, "PlaybackFinished", **ids, heard_text="Hi!", played_samples=samples)
        return False


@asynccontextmanager
async def fake_door(**options: Any) -> AsyncIterator[FakeDoor]:
    door = FakeDoor(**options)
    async with serve(door.serve, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        door.url = f"ws://127.0.0.1:{port}/ws"
        yield door
