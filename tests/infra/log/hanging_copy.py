"""A copy of an actor that takes everything and finishes nothing: `python -m tests.infra.log.hanging_copy [durable]`."""

import asyncio
import os
import sys
from pathlib import Path

from contracts.events import Event
from infra.runtime import read_runtime
from tests.infra.log.copies import a_copy_of


async def handle(event: Event) -> "asyncio.Task[None]":
    return asyncio.create_task(hang(event))


async def hang(event: Event) -> None:
    print(f"took {event.event_id}", flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        print(f"gave up {event.event_id}", flush=True)


async def main(durable: str) -> None:
    # A program that a supervisor starts has no user of NATS of its own, as an app has.
    runtime = read_runtime(Path(os.environ.get("DAREDEVIL_DATA_DIR", "")))
    if runtime is not None:
        os.environ["DAREDEVIL_NATS_URL"] = runtime.nats_url
    async with a_copy_of(durable, handle):
        print("ready", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:] or ["synthesis"]))
