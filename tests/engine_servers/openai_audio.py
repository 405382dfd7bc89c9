"""A server with OpenAI's protocol for speech on loopback: `/audio/transcriptions` and `/audio/speech`."""

import asyncio
import io
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from aiohttp import web

from tests.engine_servers.spelt_sound import read

Fault = Literal["", "stalls", "drops"]
"""What happens after half of the sound: nothing for ever, or the line is cut."""

SECOND = b"\x10\x27" * 24_000
"""What it says to everything: a second of sound at 24 kHz."""


@dataclass
class OpenAIAudioServer:
    """`status` other than 200 refuses; `asked` has what was asked for."""

    status: int = 200
    fault: Fault = ""
    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)

    async def transcriptions(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        self.asked.append({"model": form["model"], "key": request.headers.get("Authorization")})
        if self.status != 200:
            return web.json_response({"error": {"message": "no", "type": "t", "code": "c"}}, status=self.status)
        file = form["file"]
        assert isinstance(file, web.FileField)
        with wave.open(io.BytesIO(file.file.read())) as sound:
            words = read(sound.readframes(sound.getnframes()))
        return web.json_response({"text": " ".join(word for word, _, _ in words)})

    async def speech(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(await request.json())
        if self.status != 200:
            return web.json_response({"error": {"message": "no", "type": "t", "code": "c"}}, status=self.status)
        line = web.StreamResponse(headers={"Content-Type": "audio/pcm"})
        await line.prepare(request)
        await line.write(SECOND[: len(SECOND) // 2])
        if self.fault == "stalls":
            await asyncio.Event().wait()
        if self.fault == "drops":
            assert request.transport is not None
            request.transport.abort()
            return line
        await line.write(SECOND[len(SECOND) // 2 :])
        return line


@asynccontextmanager
async def openai_audio_server(status: int = 200, fault: Fault = "") -> AsyncIterator[OpenAIAudioServer]:
    """Serve until the block ends."""
    server = OpenAIAudioServer(status, fault)
    app = web.Application()
    app.router.add_post("/v1/audio/transcriptions", server.transcriptions)
    app.router.add_post("/v1/audio/speech", server.speech)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    try:
        yield server
    finally:
        await runner.cleanup()
