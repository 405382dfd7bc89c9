"""Type to the agent, read its answers: `python docs/examples/ws_client.py ws://127.0.0.1:8080/ws Hello "And you?"`."""

import asyncio
import json
import sys
from collections.abc import Callable
from contextlib import suppress
from uuid import uuid4

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed


async def talk(url: str, *texts: str, answered: Callable[[str], None] = print) -> None:
    """Say each text once the one before is answered, then hang up; come back whenever the line breaks."""
    waiting = [{"type": "text", "id": uuid4().hex, "text": text} for text in texts] + [{"type": "hangup"}]
    hello, seen = {"type": "hello", "mic": False, "replies": []}, 0
    async for socket in connect(url):  # waits longer each time it fails
        with suppress(ConnectionClosed):
            await socket.send(json.dumps(hello))
            async for data in socket:
                match json.loads(data) if isinstance(data, str) else {}:  # bytes are the agent's voice
                    case {"type": "welcome", **session}:
                        hello |= {name: session[name] for name in ("session_id", "resume_token") if name in session}
                        await socket.send(json.dumps(waiting[0]))  # perhaps again: under its id it is stored once
                    case {"type": "reply_end", "reply_id": reply_id, "samples": n}:  # there is no loudspeaker
                        heard = {"type": "played", "reply_id": reply_id, "samples": n, "started": True, "ended": True}
                        await socket.send(json.dumps(heard))
                    case {"type": "fact", "name": "PlaybackFinished", "sequence": n, "data": fact} if n > seen:
                        seen, _ = n, waiting.pop(0)
                        answered(fact["heard_text"])
                        await socket.send(json.dumps(waiting[0]))
                    case {"type": "error", "message": why, "id": _}:
                        raise ValueError(why)
        if socket.close_code in (1000, 4400, 4401, 4403, 4409, 4410):
            return


if __name__ == "__main__":
    asyncio.run(talk(*sys.argv[1:]))
