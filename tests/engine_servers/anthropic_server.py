"""A server with the protocol of Anthropic's messages (server-sent events) on loopback, which ends as the test says."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from aiohttp import web

Step = str | Literal["<pause>", "<half-close>", "<abort>", "<overloaded>"]
"""A piece of text, or what else the server does: fall silent, end the stream early, cut the line, report an error."""


@dataclass
class AnthropicServer:
    """Answers each request with `steps`, or with an HTTP `status` other than 200; `asked` has the requests' bodies."""

    steps: Sequence[Step]
    status: int = 200
    stop_reason: str = "end_turn"
    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)

    async def messages(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(await request.json())
        if self.status != 200:
            error = {"type": "error", "error": {"type": "rate_limit_error", "message": "too many requests"}}
            return web.json_response(error, status=self.status)
        line = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await line.prepare(request)
        message = {"id": "m", "type": "message", "role": "assistant", "model": "stub", "content": []}
        usage = {"input_tokens": 1, "output_tokens": 1}
        await _send(line, "message_start", message={**message, "stop_reason": None, "usage": usage})
        await _send(line, "content_block_start", index=0, content_block={"type": "text", "text": ""})
        await _send(line, "ping")
        for step in self.steps:
            if step == "<pause>":
                await asyncio.Event().wait()
            elif step == "<half-close>":
                return line
            elif step == "<abort>":
                assert request.transport is not None
                request.transport.abort()
                return line
            elif step == "<overloaded>":
                await _send(line, "error", error={"type": "overloaded_error", "message": "Overloaded"})
                return line
            else:
                await _send(line, "content_block_delta", index=0, delta={"type": "text_delta", "text": step})
        await _send(line, "content_block_stop", index=0)
        ending = {"stop_reason": self.stop_reason, "stop_sequence": None}
        await _send(line, "message_delta", delta=ending, usage={"output_tokens": 2})
        await _send(line, "message_stop")
        return line


async def _send(line: web.StreamResponse, kind: str, **fields: Any) -> None:
    await line.write(f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode())


@asynccontextmanager
async def anthropic_server(
    *steps: Step, status: int = 200, stop_reason: str = "end_turn"
) -> AsyncIterator[AnthropicServer]:
    """Serve until the block ends."""
    server = AnthropicServer(steps, status, stop_reason)
    app = web.Application()
    app.router.add_post("/v1/messages", server.messages)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await runner.cleanup()
