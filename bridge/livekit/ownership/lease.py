"""Which job has which room, in NATS KV: its owner renews the lease; when it stops, another may take the room.

Every write names the revision it follows, so of two jobs one gets the room, and one that was frozen finds out.
"""

import asyncio
import logging
import os
import secrets
import socket
import time
from collections.abc import Callable

from faststream.nats import NatsBroker
from nats.errors import Error as NatsError
from nats.js.errors import (
    APIError,
    KeyNotFoundError,
    KeyWrongLastSequenceError,
    NoStreamResponseError,
)
from nats.js.kv import KeyValue
from pydantic import BaseModel, ConfigDict

from bridge.playback.reply import Playing
from contracts.topology import (
    ROOMS,
)
from infra.log.buckets import open_bucket
from infra.log.connection import jetstream
from infra.log.event_log import StaleWriter

log = logging.getLogger(__name__)

RENEW_S = 0.3
LAPSE_S = 1.0
"""A lease that was not renewed for this long may be taken."""
SENDING_S = 5.0
"""So may one for which a job was sent this long ago and has not arrived."""
TIMEOUT_S = 1.0

HELD, FREE, SENDING, OVER = "held", "free", "sending", "over"


class Holding(BaseModel):
    """What a job that takes a room over knows of it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    session_id: str
    room: str
    room_sid: str
    agent_name: str = ""
    state: str = HELD
    owner: str = ""
    """Host, process id, and a random part."""
    reply_id: str = ""
    """The reply that is being said, and how much of it was heard when this was written."""
    played_samples: int = 0

    @property
    def playing(self) -> Playing:
        """What was being played; its reply is "" if nothing was. What began after the last renewal is not in it."""
        return Playing(self.reply_id, self.played_samples)

    @property
    def patience_s(self) -> float:
        """How long it may stay unchanged before somebody else may take the room."""
        return {HELD: LAPSE_S, SENDING: SENDING_S, FREE: 0.0}.get(self.state, float("inf"))


async def bucket_of(broker: NatsBroker) -> KeyValue:
    """Return the bucket of leases; it is created if it is missing, as after a restart of NATS. Raises nats errors."""
    return await open_bucket(jetstream(broker), ROOMS)


class Lease:
    """One job's hold on its room. `lost` is set when somebody else has the room."""

    def __init__(self, broker: NatsBroker, holding: Holding) -> None:
        self.lost = asyncio.Event()
        self.before = holding
        """What the previous owner of the room wrote last."""
        self._broker = broker
        self._holding = holding.model_copy(
            update={"owner": f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(4)}"}
        )
        self._revision = 0
        self._bucket: KeyValue | None = None
        self._renewed_s = 0.0
        self._renewed = asyncio.Event()

    async def take(self) -> bool:
        """Take the room unless another job has it; one silent for a second counts as dead. Raises nats errors."""
        bucket = await bucket_of(self._broker)
        try:
            entry = await bucket.get(self._holding.session_id)
        except KeyNotFoundError:
            return await self._write(0)
        self.before = Holding.model_validate_json(entry.value or b"")
        if self.before.state == HELD:
            await asyncio.sleep(LAPSE_S)
        return await self._write(entry.revision or 0)

    async def keep(self, now: Callable[[], Playing | None]) -> None:
        """Renew it until cancelled or lost; `now` tells what is being played."""
        while not self.lost.is_set():
            await asyncio.sleep(RENEW_S)
            self._note(now())
            try:
                if not await self._write(self._revision):
                    self._lose()
            except (NatsError, APIError, TimeoutError, OSError) as error:
                log.debug("lease of %s: %r", self._holding.session_id, error)

    async def confirmed(self) -> None:
        """Wait until the room is certainly ours: a process that was frozen may have lost it. Raises StaleWriter."""
        while not self.lost.is_set() and time.monotonic() - self._renewed_s > LAPSE_S:
            self._renewed.clear()
            await self._renewed.wait()
        if self.lost.is_set():
            raise StaleWriter(f"session {self._holding.session_id} is another job's now")

    async def still_ours(self) -> bool:
        """Ask at once whether the room is ours. Raises nats errors."""
        if not self.lost.is_set() and not await self._write(self._revision):
            self._lose()
        return not self.lost.is_set()

    def _note(self, playing: Playing | None) -> None:
        reply_id, samples = (playing.reply_id, playing.played_samples) if playing is not None else ("", 0)
        self._holding = self._holding.model_copy(update={"reply_id": reply_id, "played_samples": samples})

    async def give_back(self, state: str, playing: Playing | None = None) -> None:
        """Release it: FREE for the next owner, who continues playing, OVER when the session has ended. Tries once."""
        if self.lost.is_set():
            return
        self._note(playing)
        self._holding = self._holding.model_copy(update={"state": state})
        try:
            await self._write(self._revision)
        except (NatsError, APIError, TimeoutError, OSError) as error:
            log.debug("lease of %s: %r", self._holding.session_id, error)

    async def _write(self, last: int) -> bool:
        """Write it if nobody has since `last`; tell whether it is ours."""
        asked_s = time.monotonic()
        data = self._holding.model_dump_json().encode()
        try:
            async with asyncio.timeout(TIMEOUT_S):
                # Looked up once: doing so each time would double the cost of a renewal.
                self._bucket = self._bucket or await bucket_of(self._broker)
                self._revision = await self._bucket.update(self._holding.session_id, data, last=last)
        except KeyWrongLastSequenceError:
            return await self._was_ours_or_forgotten(data)
        except NoStreamResponseError:
            self._bucket = None  # NATS has restarted: the next renewal creates it
            raise
        self._renewed_s = asked_s
        self._renewed.set()
        return True

    async def _was_ours_or_forgotten(self, data: bytes) -> bool:
        """Return whether the last write was ours after all (its answer was lost), or NATS has lost the lease."""
        bucket = await bucket_of(self._broker)
        try:
            entry = await bucket.get(self._holding.session_id)
        except KeyNotFoundError:
            self._revision = 0
            return True  # the next write creates it again
        if Holding.model_validate_json(entry.value or b"").owner != self._holding.owner:
            return False
        self._revision = entry.revision or 0
        return True

    def _lose(self) -> None:
        log.warning("session %s goes on at another job", self._holding.session_id)
        self.lost.set()
        self._renewed.set()
