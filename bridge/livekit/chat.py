"""Texts on `lk.chat`, LiveKit's stream for chat; the sender of each is told whether it was stored.

A refusal comes back as a text on `lk.chat`, an acknowledgement as a data message on the topic `daredevil.taken`,
`{"id": …}`: the stream's attribute `daredevil.id` where there is one, else the stream's own id.
"""

import asyncio
import json
import logging
import time

from livekit import rtc

from bridge.call.tasks import Tasks
from bridge.livekit.texts import Texts
from bridge.rate_limit import TokenBucket
from bridge.text_input import ProtocolError

log = logging.getLogger(__name__)

CHAT_TOPIC = "lk.chat"
TAKEN_TOPIC = "daredevil.taken"
ID_ATTRIBUTE = "daredevil.id"
READ_TIMEOUT_S = 10.0
MAX_UNREAD = 20
"""Texts of one person that have begun but not ended."""
REFUSALS_PER_S, REFUSALS_BURST = 1, 10
"""How many refusals a room is sent during a flood."""


class Chat:
    """Reads what people write, and passes it on to `texts`."""

    def __init__(self, room: rtc.Room, texts: Texts, tasks: Tasks) -> None:
        self._room = room
        self._texts = texts
        self._tasks = tasks
        self._locks: dict[str, asyncio.Lock] = {}
        """The texts of one person are taken in the order in which they were written."""
        self._unread: dict[str, int] = {}
        """How many texts of each person are being read."""
        self._refusals = TokenBucket(REFUSALS_PER_S, REFUSALS_BURST)

    def follow(self) -> None:
        """Start to read. Call it before the room is joined: the SDK drops a stream that nobody reads."""
        self._room.register_text_stream_handler(CHAT_TOPIC, self._on_text)

    def _on_text(self, reader: rtc.TextStreamReader, identity: str) -> None:
        try:
            self._texts.count(identity)
            if self._unread.get(identity, 0) >= MAX_UNREAD:
                raise ProtocolError("flood", f"{MAX_UNREAD} of your texts have begun and not ended")
        except ProtocolError as error:
            reader.close()
            if self._refusals.take(1, time.monotonic()):  # a flood is not answered by another
                log.warning("text of %s: %s: %s", identity, error.code, error)
                self._tasks.own(self._refuse(identity, str(error)), f"refusal of {identity}")
            return
        self._unread[identity] = self._unread.get(identity, 0) + 1
        self._tasks.own(self._take(reader, identity), f"text of {identity}")

    async def _take(self, reader: rtc.TextStreamReader, identity: str) -> None:
        text_id = (reader.info.attributes or {}).get(ID_ATTRIBUTE) or reader.info.stream_id
        try:
            async with self._locks.setdefault(identity, asyncio.Lock()):
                text = await self._read(reader, identity)
                stored = await self._texts.hand_on(identity, text, text_id)
        except ProtocolError as error:
            log.warning("text of %s: %s: %s", identity, error.code, error)
            await self._refuse(identity, str(error))
        except (TimeoutError, rtc.StreamError):
            log.warning("text of %s: its end did not come", identity)
        else:
            await asyncio.shield(stored)
            await self._confirm_taken(identity, text_id)

    async def _read(self, reader: rtc.TextStreamReader, identity: str) -> str:
        text = ""
        try:
            async with asyncio.timeout(READ_TIMEOUT_S):
                async for chunk in reader:
                    text += chunk
                    if len(text.encode()) > self._texts.max_text_bytes:
                        break  # the rest is not read
        finally:
            reader.close()
            self._unread[identity] -= 1
        return text

    async def _refuse(self, identity: str, why: str) -> None:
        try:
            async with asyncio.timeout(READ_TIMEOUT_S):
                await self._room.local_participant.send_text(why, topic=CHAT_TOPIC, destination_identities=[identity])
        except Exception as error:  # the SDK raises plain exceptions; somebody who has left needs no answer
            log.debug("telling %s: %r", identity, error)

    async def _confirm_taken(self, identity: str, text_id: str) -> None:
        try:
            async with asyncio.timeout(READ_TIMEOUT_S):
                await self._room.local_participant.publish_data(
                    json.dumps({"id": text_id}), destination_identities=[identity], topic=TAKEN_TOPIC
                )
        except Exception as error:  # see `_refuse`; a client without an acknowledgement sends the text again
            log.debug("telling %s: %r", identity, error)
