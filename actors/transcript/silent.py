"""Tracks that nobody hears because they send nothing; all copies of transcript know which these are.

A muted microphone may come on at any time, a track of somebody who left never. Neither is a job meanwhile: it costs one
subscription and nothing else. The bucket holds them, so that none is lost when the copy that gave it up dies.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from faststream.nats import NatsBroker
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from nats.js.errors import APIError

from contracts import events as e
from contracts.audio import BadAudio, unpack_in
from contracts.codec import Undecodable, decode, encode
from contracts.topology import AUDIO, SILENT_TRACKS, audio_in_subject, event_subject
from infra.log.buckets import open_bucket
from infra.log.connection import connection, jetstream
from infra.log.handlers import Subscriber
from infra.log.log_streams import last_in_log
from infra.log.stream_reader import StoredMessage, last_message, stored_messages
from infra.process.tasks import CancelledElsewhere, ended, own_cancellation_only

log = logging.getLogger(__name__)

MOST = 10_000
"""The most subscriptions that are kept; the oldest is dropped first."""

LOOK_S = 1.0
"""How soon a copy learns what others have given up."""

TIMEOUT_S = 5.0

Key = tuple[str, str]
"""Session and track."""


@dataclass(slots=True)
class _Watched:
    track: e.TrackPublished
    revision: int
    subscription: Subscription | None = None


class SilentTracks(Subscriber):
    """Waits for the first frame of each track, then calls `take` with it and the entry's revision.

    Every copy of transcript does so: `take` may be called by each, and once more after a crash. The owner must
    report which of them have ended (`session_over`, `track_over`).
    """

    def __init__(
        self, broker: NatsBroker, take: Callable[[e.TrackPublished, int], Awaitable[None]], most: int = MOST
    ) -> None:
        self._broker = broker
        self._take = take
        self._most = most
        self._watched: dict[Key, _Watched] = {}
        self._read_to = 0
        self._looking: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        """Return how many tracks are waited for."""
        return len(self._watched)

    async def open(self) -> None:
        """Wait for the tracks that are in the bucket, and for those that others put there. Raises nats errors."""
        await open_bucket(jetstream(self._broker), SILENT_TRACKS)
        self._looking = asyncio.create_task(self._look(), name="silent tracks")

    async def close(self) -> None:
        """Stop waiting; the tracks stay in the bucket."""
        if self._looking is not None:
            await ended(self._looking)
        for key in list(self._watched):
            await self._forget(key)

    async def add(self, track: e.TrackPublished) -> None:
        """Let all copies wait for a track. Raises nats errors; then none does."""
        nc = connection(self._broker)
        await open_bucket(nc.jetstream(), SILENT_TRACKS)
        ack = await jetstream(self._broker).publish(_subject(_key(track)), encode(track), timeout=TIMEOUT_S)
        await self._watch(track, ack.seq)

    async def _watch(self, track: e.TrackPublished, revision: int) -> None:
        key = _key(track)
        if (known := self._watched.get(key)) is not None:
            known.revision = max(known.revision, revision)
            return
        while len(self._watched) >= self._most:
            await self._forget(next(iter(self._watched)))
        watched = self._watched[key] = _Watched(track, revision)

        async def receive(message: Msg) -> None:
            if _track_id_of(message.data) == track.track_id:
                await self._heard(key)

        subject = audio_in_subject(track.session_id, track.participant_id)
        watched.subscription = await connection(self._broker).subscribe(subject, cb=receive)

    async def _heard(self, key: Key) -> None:
        watched = await self._forget(key)
        if watched is None:
            return
        log.info("track %s of %s is heard: its sound has come", key[1], key[0])
        await self._take(watched.track, watched.revision)
        await self._strike(key)

    async def _strike(self, key: Key) -> None:
        """Remove a track from the bucket. If that fails, it may be taken once more, which changes nothing."""
        try:
            await jetstream(self._broker).purge_stream(SILENT_TRACKS.stream, subject=_subject(key))
        except (NatsError, APIError, TimeoutError, OSError) as error:
            log.debug("%r", error)

    async def session_over(self, session_id: str) -> None:
        """Stop waiting for the tracks of a session."""
        for key in [key for key in self._watched if key[0] == session_id]:
            await self._over(key)

    async def track_over(self, session_id: str, track_id: str) -> None:
        """Stop waiting for a track."""
        await self._over((session_id, track_id))

    async def _over(self, key: Key) -> None:
        if await self._forget(key) is not None:
            await self._strike(key)

    async def _look(self) -> None:
        while True:
            try:
                with own_cancellation_only():
                    await self._read()
                    await asyncio.sleep(LOOK_S)
            except CancelledElsewhere as error:
                log.warning("silent tracks: %s", error)
            except (NatsError, APIError, TimeoutError, OSError) as error:
                log.debug("silent tracks: %r", error)
                await asyncio.sleep(LOOK_S)

    async def _read(self) -> None:
        nc = connection(self._broker)
        subjects, start = SILENT_TRACKS.subjects, self._read_to + 1
        async for message in stored_messages(nc, SILENT_TRACKS.stream, subjects, start, timeout_s=TIMEOUT_S):
            self._read_to = message.sequence
            await self._put_in_by_another(message)

    async def _put_in_by_another(self, message: StoredMessage) -> None:
        session_id = message.subject.split(".")[2]
        try:
            track = decode(event_subject(session_id, e.TrackPublished), message.data)
        except Undecodable as error:
            log.warning("a silent track can't be read: %s", error)
            return
        assert isinstance(track, e.TrackPublished)
        if _key(track) in self._watched:
            return
        await self._watch(track, message.sequence)
        # It may have ended, or begun, while no copy was running.
        if await self._is_over(track):
            await self._over(_key(track))
        elif await self._has_begun(track):
            await self._heard(_key(track))

    async def _is_over(self, track: e.TrackPublished) -> bool:
        nc = connection(self._broker)
        if await last_in_log(nc, [event_subject(track.session_id, e.SessionClosed)]):
            return True
        newest = await last_in_log(nc, [subject := event_subject(track.session_id, e.TrackUnpublished)])
        if not newest:
            return False
        event = decode(subject, newest[0].data)
        return isinstance(event, e.TrackUnpublished) and event.track_id == track.track_id

    async def _has_begun(self, track: e.TrackPublished) -> bool:
        subject = audio_in_subject(track.session_id, track.participant_id)
        newest = await last_message(connection(self._broker), AUDIO, subject)
        return newest is not None and _track_id_of(newest.data) == track.track_id

    async def _forget(self, key: Key) -> _Watched | None:
        watched = self._watched.pop(key, None)
        if watched is not None and watched.subscription is not None:
            await self._unsubscribe(watched.subscription)
        return watched

    async def _unsubscribe(self, subscription: Subscription) -> None:
        if connection(self._broker).is_closed:
            return
        try:
            await subscription.unsubscribe()
        except NatsError as error:
            log.debug("%r", error)


def _key(track: e.TrackPublished) -> Key:
    return track.session_id, track.track_id


def _subject(key: Key) -> str:
    return SILENT_TRACKS.address.of(*key)


def _track_id_of(frame: bytes) -> str:
    try:
        return unpack_in(frame).track_id
    except BadAudio:
        return ""
