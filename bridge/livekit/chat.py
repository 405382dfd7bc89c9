"""Text that people write in the room (`lk.chat`) is a turn of theirs, within limits."""

import asyncio
import logging
import time
from collections.abc import Callable

from livekit import rtc

from bridge.limits import Bucket
from bridge.protocol import Rubbish, checked_text
from bridge.tasks import Tasks

log = logging.getLogger(__name__)

CHAT_TOPIC = "lk.chat"
TURNS_PER_S, TURNS_BURST = 2, 10
READ_TIMEOUT_S = 10.0


class Chat:
    """Hands on what is written; `typed` takes the identity of who wrote it, and the text."""

    def __init__(self, room: rtc.Room, max_text_bytes: int, typed: Callable[[str, str], None], tasks: Tasks) -> None:
        self._room = room
        self._max_text_bytes = max_text_bytes
        self._typed = typed
        self._tasks = tasks
        self._buckets: dict[str, Bucket] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        """One writes one text after the other: they are taken in that order."""

    def follow(self) -> None:
        """Begin to take texts."""
        self._room.register_text_stream_handler(CHAT_TOPIC, self._on_text)

    def _on_text(self, reader: rtc.TextStreamReader, identity: str) -> None:
        self._tasks.own(self._take(reader, identity), f"text of {identity}")

    async def _take(self, reader: rtc.TextStreamReader, identity: str) -> None:
        async with self._locks.setdefault(identity, asyncio.Lock()):
            await self._take_next(reader, identity)

    async def _take_next(self, reader: rtc.TextStreamReader, identity: str) -> None:
        try:
            bucket = self._buckets.setdefault(identity, Bucket(TURNS_PER_S, TURNS_BURST))
            if not bucket.take(1, time.monotonic()):
                raise Rubbish("flood", f"more than {TURNS_PER_S} texts a second came from you")
            async with asyncio.timeout(READ_TIMEOUT_S):
                text = checked_text(await self._read(reader), self._max_text_bytes)
        except Rubbish as error:
            log.warning("text of %s: %s: %s", identity, error.code, error)
            await self._tell(identity, str(error))
        except TimeoutError:
            log.warning("text of %s: its end did not come", identity)
        else:
            self._typed(identity, text)

    async def _read(self, reader: rtc.TextStreamReader) -> str:
        text = ""
        async for chunk in reader:
            text += chunk
            if len(text.encode()) > self._max_text_bytes:
                break  # the rest is not read
        return text

    async def _tell(self, identity: str, why: str) -> None:
        try:
            async with asyncio.timeout(READ_TIMEOUT_S):
                await self._room.local_participant.send_text(why, topic=CHAT_TOPIC, destination_identities=[identity])
        except Exception as error:  # the SDK raises plain ones; who is gone needs no answer
            log.debug("telling %s: %r", identity, error)
