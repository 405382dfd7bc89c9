"""Reading the log in its order, from any place, without leaving a consumer behind."""

import asyncio
import json
from collections.abc import Mapping

from nats.aio.client import Client
from nats.aio.msg import Msg

from contracts.topology import LIVE, VOICE
from infra.log.event_log import LogUnavailable
from projections.postgres.fold import LogMessage

BATCH = 1000
BATCH_BYTES = 8_000_000
TIMEOUT_S = 10.0


async def read_log(nc: Client, after: int, limit: int = BATCH) -> tuple[list[LogMessage], int]:
    """Return the next messages of the log behind sequence `after`, and how many are still to come.

    Raises LogUnavailable, nats errors.
    """
    messages: list[LogMessage] = []
    ended: asyncio.Future[tuple[str, Mapping[str, str]]] = asyncio.get_running_loop().create_future()

    # A callback: waiting for each message would cost more than reading it.
    async def take(message: Msg) -> None:
        headers = message.headers or {}
        if (status := headers.get("Status")) is None:
            messages.append(LogMessage(int(headers["Nats-Sequence"]), headers["Nats-Subject"], message.data))
        elif not ended.done():
            ended.set_result((status, headers))

    inbox = nc.new_inbox()
    subscription = await nc.subscribe(inbox, cb=take)
    request = {"seq": after + 1, "batch": limit, "max_bytes": BATCH_BYTES, "next_by_subj": ">"}
    try:
        await nc.publish(f"$JS.API.DIRECT.GET.{VOICE}", json.dumps(request).encode(), reply=inbox)
        async with asyncio.timeout(TIMEOUT_S):
            status, headers = await ended
    finally:
        await subscription.unsubscribe()
    if status == "204":
        return messages, int(headers.get("Nats-Num-Pending", "0"))
    if status == "404":
        return messages, 0
    raise LogUnavailable(f"reading the log: {status} {headers.get('Description', '')}")


class NewFacts:
    """Tells when something has been stored, so that nobody has to ask all the time."""

    def __init__(self) -> None:
        self._stored = asyncio.Event()

    async def listen(self, nc: Client) -> None:
        """Start; it goes on until the connection is closed."""

        async def stored(_: Msg) -> None:
            self._stored.set()

        await nc.subscribe(LIVE.pattern, cb=stored)

    def reset(self) -> None:
        """Forget what was stored so far; call it before reading."""
        self._stored.clear()

    async def wait(self, timeout_s: float = 1.0) -> None:
        """Return when something has been stored since `reset`, or after `timeout_s`: a word may get lost."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._stored.wait()
        except TimeoutError:
            pass
