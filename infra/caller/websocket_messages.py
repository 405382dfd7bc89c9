"""What any client says at the WebSocket door: the greeting, and what it has played."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from websockets.asyncio.client import ClientConnection

from infra.caller.loudspeaker import Report
from infra.caller.talk import CallFailed

WELCOME_TIMEOUT_S = 10.0

_MARKS = ("started", "ended", "stalled", "resumed")


def ws_url(url: str) -> str:
    """Return the WebSocket's address for the address of a page or of a WebSocket."""
    for scheme, ws in (("http://", "ws://"), ("https://", "wss://")):
        if url.startswith(scheme):
            return ws + url.removeprefix(scheme).rstrip("/").removesuffix("/ws") + "/ws"
    return url


async def greeted(socket: ClientConnection, hello: Mapping[str, Any]) -> dict[str, Any]:
    """Send `hello`, and return the door's `welcome`. Raises CallFailed if it refuses, TimeoutError."""
    await socket.send(json.dumps({**hello, "clock_ms": asyncio.get_running_loop().time() * 1000}))
    async with asyncio.timeout(WELCOME_TIMEOUT_S):
        while True:
            message = await socket.recv()
            answer = json.loads(message) if isinstance(message, str) else {}
            if answer.get("type") == "error":
                code = str(answer.get("code", ""))
                raise CallFailed(f"the door refused the call: {answer.get('message') or code}", code=code)
            if answer.get("type") == "welcome":
                return dict(answer)


def played_message(report: Report, ago_s: float | None = None) -> str:
    """Return the message that reports what was played, `ago_s` before now; None sends no time."""
    message: dict[str, Any] = {"type": "played", "reply_id": report.reply_id, "samples": report.samples}
    if ago_s is not None:
        clock_s = asyncio.get_running_loop().time()
        message |= {"at_ms": (clock_s - ago_s) * 1000, "clock_ms": clock_s * 1000}
    message |= {name: True for name in _MARKS if getattr(report, name)}
    return json.dumps(message)
