"""Which copies of a process have room for more: each answers the request `Load` with its id, and 1 if it has none."""

import asyncio
import uuid
from collections.abc import Callable

from nats.aio.client import Client
from nats.errors import Error as NatsError

from contracts.topology import load_subject
from infra.log.connection import unsubscribe

ANSWERS_S = 0.2
"""How long a copy may take to answer: one that takes longer is overloaded too."""

NOBODY = "503"
"""NATS's own answer where nobody is subscribed."""


class CopyLoad:
    """One copy among those of its process; `is_full` returns whether it has no room."""

    def __init__(self, process: str, is_full: Callable[[], bool]) -> None:
        self._process = process
        self._is_full = is_full
        self._id = uuid.uuid4().hex.encode()

    def answer(self, is_full: bool | None = None) -> bytes:
        """Return the answer for others: this copy's id, and 1 if it is full (for the session asked about), else 0."""
        return b"%s %d" % (self._id, self._is_full() if is_full is None else is_full)

    async def another_has_room(self, nc: Client) -> bool:
        """Ask the other copies whether one has room."""
        return (await _room(nc, self._process, self._id)) is True


async def has_room(nc: Client, process: str, session_id: str = "") -> bool | None:
    """Return whether a copy of a process has room, for this session if one is named; None if none answers."""
    return await _room(nc, process, b"", session_id)


async def _room(nc: Client, process: str, own_id: bytes, session_id: str = "") -> bool | None:
    found: bool | None = None
    inbox, answers = nc.new_inbox(), None
    try:
        answers = await nc.subscribe(inbox)
        await nc.publish(load_subject(process), session_id.encode(), reply=inbox)
        async with asyncio.timeout(ANSWERS_S):
            while not found:
                message = await answers.next_msg(timeout=ANSWERS_S)
                if (message.headers or {}).get("Status") == NOBODY:
                    return None
                answer = message.data.split()
                if len(answer) == 2 and answer[0] != own_id:
                    found = answer[1] == b"0"
        return found
    except (NatsError, TimeoutError, OSError):
        return found
    finally:
        if answers is not None:
            await unsubscribe(nc, [answers])
