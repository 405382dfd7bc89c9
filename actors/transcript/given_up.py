"""Tracks whose job was given up because there was nobody: heard none the less, should their sound come."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from faststream.nats import NatsBroker
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from contracts import events as e
from contracts.audio import BadAudio, unpack_in
from contracts.topology import audio_in_subject
from infra.connection import connection

log = logging.getLogger(__name__)

MOST = 10_000
"""So many subscriptions are kept; the oldest goes first."""


@dataclass(slots=True)
class _Watched:
    track: e.TrackPublished
    subscription: Subscription | None = None


class GivenUpTracks:
    """Waits for the first frame of each, by a subscription and nothing else, then calls `take` once with the track."""

    def __init__(
        self, broker: NatsBroker, take: Callable[[e.TrackPublished], Awaitable[None]], most: int = MOST
    ) -> None:
        self._broker = broker
        self._take = take
        self._most = most
        self._watched: dict[str, _Watched] = {}

    async def watch(self, track: e.TrackPublished) -> None:
        """Wait for a track's sound. Raises nats errors."""
        while len(self._watched) >= self._most:
            await self._forget(next(iter(self._watched)))
        watched = self._watched[track.event_id] = _Watched(track)

        async def receive(message: Msg) -> None:
            if _track_id_of(message) == track.track_id and await self._forget(track.event_id):
                log.warning("track %s of %s is heard again: its sound has come", track.track_id, track.session_id)
                await self._take(track)

        subject = audio_in_subject(track.session_id, track.participant_id)
        watched.subscription = await connection(self._broker).subscribe(subject, cb=receive)

    async def aclose(self) -> None:
        """Wait for none any more."""
        await asyncio.gather(*(self._forget(event_id) for event_id in list(self._watched)))

    async def _forget(self, event_id: str) -> bool:
        watched = self._watched.pop(event_id, None)
        if watched is None:
            return False
        if watched.subscription is not None and not connection(self._broker).is_closed:
            try:
                await watched.subscription.unsubscribe()
            except NatsError as error:
                log.debug("%r", error)
        return True


def _track_id_of(message: Msg) -> str:
    try:
        return unpack_in(message.data).track_id
    except BadAudio:
        return ""
