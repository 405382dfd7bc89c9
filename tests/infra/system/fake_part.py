"""A part of a system for tests of the supervisor: answers health checks; ends, or ignores SIGTERM, if told to."""

import asyncio
import os
import signal
import sys

import nats
from nats.aio.msg import Msg

from infra.log.readiness import UNABLE


async def main(name: str, mood: str) -> None:
    if mood == "crashes":
        sys.exit("cannot go on: no engine")
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, lambda: None if mood == "stubborn" else stop.set())
    nc = await nats.connect(os.environ["DAREDEVIL_NATS_URL"], max_reconnect_attempts=-1, reconnect_time_wait=0.1)

    async def answer(message: Msg) -> None:
        headers = {UNABLE: "speak"} if mood == "mute" else None
        await nc.publish(message.reply, str(os.getpid()).encode(), headers=headers)

    await nc.subscribe(f"health.{name}", cb=answer)
    await nc.flush()
    await stop.wait()
    await nc.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
