"""What people write in a room: each text is one turn, within limits, and is acknowledged once it is stored."""

import asyncio
import time
from collections.abc import Callable

from bridge.rate_limit import TokenBucket
from bridge.text_input import ProtocolError, checked_text

TURNS_PER_S, TURNS_BURST = 2, 10
MAX_ID = 64
"""The most characters of an id that a client gives a text."""

Typed = Callable[[str, str, str], bool]
"""Takes an identity, a text, and the name under which it is stored once; returns False if they are not there."""


class Texts:
    """The texts of one room. Those that come before the session is open wait for it."""

    def __init__(self, max_text_bytes: int, typed: Typed) -> None:
        self.max_text_bytes = max_text_bytes
        self._typed = typed
        self._open = asyncio.Event()
        self._buckets: dict[str, TokenBucket] = {}
        self._stored: dict[str, asyncio.Future[None]] = {}
        """The texts that are not stored yet, by their names."""

    def open(self) -> None:
        """Pass the waiting texts on to the session."""
        self._open.set()

    def stored(self, name: str) -> None:
        """Note that a text is in the log."""
        future = self._stored.pop(name, None)
        if future is not None and not future.done():
            future.set_result(None)

    def count(self, identity: str) -> None:
        """Count a text of one person. Raises ProtocolError if there are too many."""
        if not self._buckets.setdefault(identity, TokenBucket(TURNS_PER_S, TURNS_BURST)).take(1, time.monotonic()):
            raise ProtocolError("flood", f"more than {TURNS_PER_S} texts a second came from you")

    async def hand_on(self, identity: str, text: str, text_id: str) -> "asyncio.Future[None]":
        """Give a text to the session; the returned future is done once it is stored. Raises ProtocolError.

        A text that is sent again with its id is stored once, even if an earlier agent took it.
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
