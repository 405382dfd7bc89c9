"""What people write in a room: each text is one turn of theirs, within limits, and its storing is told."""

import asyncio
import time
from collections.abc import Callable

from bridge.rate_limit import Bucket
from bridge.text_input import ProtocolError, checked_text

TURNS_PER_S, TURNS_BURST = 2, 10
MAX_ID = 64
"""Characters of an id that a client gives a text."""

Typed = Callable[[str, str, str], bool]
"""Takes whose identity it is, the text, and the name under which it is stored once; False if they are not there."""


class Texts:
    """One room's. Texts that come before the session is open wait for that."""

    def __init__(self, max_text_bytes: int, typed: Typed) -> None:
        self.max_text_bytes = max_text_bytes
        self._typed = typed
        self._open = asyncio.Event()
        self._buckets: dict[str, Bucket] = {}
        self._stored: dict[str, asyncio.Future[None]] = {}
        """Of the texts that are not stored yet, by their name."""

    def open(self) -> None:
        """Let the texts there are go into the session."""
        self._open.set()

    def stored(self, name: str) -> None:
        """Take that a text is in the log."""
        future = self._stored.pop(name, None)
        if future is not None and not future.done():
            future.set_result(None)

    def count(self, identity: str) -> None:
        """Count a text of somebody's. Raises ProtocolError when there are too many."""
        if not self._buckets.setdefault(identity, Bucket(TURNS_PER_S, TURNS_BURST)).take(1, time.monotonic()):
            raise ProtocolError("flood", f"more than {TURNS_PER_S} texts a second came from you")

    async def hand_on(self, identity: str, text: str, text_id: str) -> "asyncio.Future[None]":
        """Give a text to the session; what is returned is done once it is stored. Raises ProtocolError.

        One that is sent again under its id is stored once, also when it was an agent before this one that took it.
        """
        cleaned = checked_text(text, self.max_text_bytes)
        if not 0 < len(text_id) <= MAX_ID:
            raise ProtocolError("bad-field", f"id: 1 to {MAX_ID} characters")
        await self._open.wait()
        name = f"{identity}/{text_id}"
        stored = self._stored.setdefault(name, asyncio.get_running_loop().create_future())
        if not self._typed(identity, cleaned, name):
            self._stored.pop(name, None)
            raise ProtocolError("unknown-participant", "you are not somebody to talk with in this room")
        return stored
