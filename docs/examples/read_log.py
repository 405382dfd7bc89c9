"""Prints who said what, from the first conversation of the log on, with no code of this project.

    .venv/bin/python docs/examples/read_log.py "$(jq -r .nats_url .daredevil/run/runtime.json)"

The URL is of the NATS that `daredevil run` has started. Ctrl-C ends it.
"""

import asyncio
import sys
from collections.abc import AsyncGenerator

import msgpack
import nats


async def said(url: str) -> AsyncGenerator[str, None]:
    """Yield a line for each turn and each answer, then those to come."""
    nc = await nats.connect(url)
    try:
        facts = await nc.jetstream().subscribe("voice.>", stream="VOICE", ordered_consumer=True)
        async for message in facts.messages:
            fact = msgpack.unpackb(message.data)
            match (message.headers or {}).get("Daredevil-Event"):
                case "TurnEnded":
                    yield f"{fact['session_id']} {fact['participant_id']}: {fact['text']}"
                case "PlaybackFinished" | "PlaybackInterrupted":
                    yield f"{fact['session_id']} agent: {fact['heard_text']}"
    finally:
        await nc.close()


async def main() -> None:
    """Print them."""
    async for line in said(sys.argv[1]):
        print(line, flush=True)


if __name__ == "__main__":
    asyncio.run(main())
