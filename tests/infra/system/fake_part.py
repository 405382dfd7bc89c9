"""A part of a system for tests of the supervisor: answers health checks; ends, or ignores SIGTERM, if told to.

It speaks to NATS by itself, since many of them are started, and a client's imports take most of a second.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

RECONNECT_S = 0.1


async def main(name: str, mood: str, headers: bytes) -> None:
    """`headers` are those of its answers, as in an HTTP message."""
    if mood == "crashes":
        sys.exit("cannot go on: no engine")
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, lambda: None if mood == "stubborn" else stop.set())
    answering = asyncio.create_task(answer_always(name, headers))
    await stop.wait()
    answering.cancel()
    await asyncio.gather(answering, return_exceptions=True)


async def answer_always(name: str, headers: bytes) -> None:
    runtime = json.loads((Path(os.environ["DAREDEVIL_DATA_DIR"]) / "run" / "runtime.json").read_text())
    server = urlsplit(runtime["nats_url"])
    who = {"user": server.username, "pass": server.password, "verbose": False, "headers": True}
    while True:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await answer(*await asyncio.open_connection(server.hostname, server.port), who, name, headers)
        await asyncio.sleep(RECONNECT_S)


async def answer(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, who: Mapping[str, object], name: str, headers: bytes
) -> None:
    """Answer with the process id for as long as the connection lasts: NATS's client protocol."""
    writer.write(b"CONNECT %s\r\nSUB health.%s 1\r\n" % (json.dumps(who).encode(), name.encode()))
    while line := await reader.readline():
        kind, *fields = line.split()
        if kind == b"PING":
            writer.write(b"PONG\r\n")
        elif kind == b"MSG":  # subject, subscription, where to answer, size
            await reader.readexactly(int(fields[-1]) + 2)
            head = b"NATS/1.0\r\n%s\r\n\r\n" % headers
            whole = head + str(os.getpid()).encode()
            writer.write(b"HPUB %s %d %d\r\n%s\r\n" % (fields[2], len(head), len(whole), whole))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3].encode()))
