"""A server with Deepgram's protocol on loopback, for the real plugin: it reads what it is sent and fails as told.

Streams: `GET /v1/listen` as a WebSocket with binary sound and the messages KeepAlive, Finalize and CloseStream; it
answers with `Results`, interim and final, and with `Metadata` at the end, as Deepgram's reference says. Whole sound:
`POST /v1/listen`.
"""

import io
import json
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from aiohttp import WSMsgType, web

from tests.engine_servers.spelt_sound import RATE_HZ, read

Fault = Literal["drops", "drops-at-once", "half-closes", "stalls", "says-nothing-final"]
"""`drops`: cuts the connection once `after_words` are known. `half-closes`: closes when it is told to, owing its final
words. `stalls`: never answers what it owes. `drops-at-once`: before it has answered anything."""


@dataclass
class Plan:
    """What one connection does; `status` other than 101 refuses it."""

    status: int = 101
    fault: Fault | None = None
    after_words: int = 1


@dataclass
class DeepgramServer:
    """Each connection follows the next plan, the last one again and again. `streamed` has the sound of each."""

    plans: list[Plan]
    url: str = ""
    streamed: list[bytearray] = field(default_factory=list)
    posted: list[bytes] = field(default_factory=list)
    queries: list[dict[str, str]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    post_status: int = 200

    async def listen(self, request: web.Request) -> web.StreamResponse:
        self.keys.append(request.headers.get("Authorization", ""))
        plan = self.plans.pop(0) if len(self.plans) > 1 else self.plans[0]
        if plan.status != 101:
            return web.json_response({"err_code": "REFUSED", "err_msg": "refused"}, status=plan.status)
        self.queries.append(dict(request.query))
        line = web.WebSocketResponse()
        await line.prepare(request)
        sound = bytearray()
        self.streamed.append(sound)
        await _Stream(line, request, sound, plan).serve()
        return line

    async def whole(self, request: web.Request) -> web.StreamResponse:
        if self.post_status != 200:
            return web.json_response({"err_msg": "refused"}, status=self.post_status)
        with wave.open(io.BytesIO(await request.read())) as file:
            pcm = file.readframes(file.getnframes())
        self.posted.append(pcm)
        alternatives = [_alternative(read(pcm))]
        answer = {"metadata": {"request_id": "r"}, "results": {"channels": [{"alternatives": alternatives}]}}
        return web.json_response(answer)


class _Stream:
    def __init__(self, line: web.WebSocketResponse, request: web.Request, sound: bytearray, plan: Plan) -> None:
        self._line, self._request, self._sound, self._plan = line, request, sound, plan
        self._final = 0
        """How many words it has said finally."""
        self._said = 0

    async def serve(self) -> None:
        async for message in self._line:
            if message.type is WSMsgType.BINARY:
                if self._plan.fault == "drops-at-once":
                    return self._abort()
                self._sound += message.data
                if b"\0\0" in message.data and await self._sound_came():
                    return None
            elif message.type is WSMsgType.TEXT:
                asked = json.loads(message.data)["type"]
                if asked == "Finalize" and self._plan.fault not in ("stalls", "half-closes", "says-nothing-final"):
                    await self._say(True, from_finalize=True)
                if asked == "CloseStream" and await self._closes():
                    return None
        return None

    async def _sound_came(self) -> bool:
        words = read(bytes(self._sound))
        # The last word is still being spoken until something follows it.
        done = [word for word in words if word[2] < len(self._sound) // 2]
        if len(done) > self._said:
            self._said = len(done)
            await self._say(False)
            if self._plan.fault == "drops" and len(done) >= self._plan.after_words:
                self._abort()
                return True
        return False

    async def _closes(self) -> bool:
        if self._plan.fault == "stalls":
            return False
        if self._plan.fault != "half-closes":
            await self._say(True)
            await self._line.send_json({"type": "Metadata", "request_id": "r", "duration": 1.0, "channels": 1})
        await self._line.close()
        return True

    async def _say(self, final: bool, **more: Any) -> None:
        words = read(bytes(self._sound))[self._final :]
        if final:
            self._final += len(words)
        alternative = _alternative(words)
        result = {"type": "Results", "channel": {"alternatives": [alternative]}, "metadata": {"request_id": "r"}}
        await self._line.send_json(result | {"is_final": final, "speech_final": final, **more})

    def _abort(self) -> None:
        if self._request.transport is not None:
            self._request.transport.abort()


def _alternative(words: list[tuple[str, int, int]]) -> dict[str, Any]:
    text = " ".join(word for word, _, _ in words)
    timed = [
        {"word": word, "punctuated_word": word, "start": start / RATE_HZ, "end": end / RATE_HZ, "confidence": 0.97}
        for word, start, end in words
    ]
    return {"transcript": text, "confidence": 0.97 if words else 0.0, "words": timed}


@asynccontextmanager
async def deepgram_server(*plans: Plan) -> AsyncIterator[DeepgramServer]:
    """Serve until the block ends; without a plan everything works."""
    server = DeepgramServer(list(plans) or [Plan()])
    app = web.Application()
    app.router.add_get("/v1/listen", server.listen)
    app.router.add_post("/v1/listen", server.whole)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1/listen"
    try:
        yield server
    finally:
        await runner.cleanup()
