"""The owner of one track: takes it up where the log stands, and listens until it ends."""

import asyncio
import logging

from faststream.nats import NatsBroker
from nats.errors import Error as NatsError

from actors.transcript.ears import Ears
from actors.transcript.fold import SessionView
from actors.transcript.listener import Listener
from actors.transcript.live_sound import LiveSound
from actors.transcript.resume import resume_point
from contracts import events as e
from infra.ending import ended
from infra.facts import LogUnavailable, Stale, facts_after
from infra.feed import SessionFeed

log = logging.getLogger(__name__)

STALE_REST_S = 15.0
"""How long an owner that another has overtaken keeps still, so that its job is taken from it unacknowledged."""


class TrackOwner:
    """Owns one track from its publication to its end: `await TrackOwner(…).run()`."""

    def __init__(self, broker: NatsBroker, ears: Ears, track: e.TrackPublished) -> None:
        self._broker = broker
        self._ears = ears
        self._track = track
        self._woken = asyncio.Event()

    async def run(self) -> None:
        """Listen until the track or session has ended. While NATS is away it waits and takes the track up again."""
        while True:
            try:
                await self._listen()
                return
            except Stale as error:
                log.warning("%s", error)
                await asyncio.sleep(STALE_REST_S)
            except (LogUnavailable, NatsError, TimeoutError, OSError) as error:
                log.warning("track %s: %r; taking it up again", self._track.track_id, error)
                await asyncio.sleep(1)

    async def _listen(self) -> None:
        view = SessionView()
        session_id = self._track.session_id
        for fact in await facts_after(self._broker, session_id):
            view.apply(fact)
        point = resume_point(view, self._track)
        live = LiveSound(
            self._broker, session_id, self._track.participant_id, self._track.track_id, point.since_ns, self._woken
        )
        async with SessionFeed(self._broker, session_id, view.sequence) as feed, live:
            following = asyncio.create_task(self._follow(feed, view))
            listener = Listener(self._broker, self._ears, self._track, view, live, self._woken)
            listener.resume(point.first_sample, point.heard_to)
            try:
                while not listener.over and not following.done():
                    await listener.step()
                    await self._wait(listener.patience_s())
                if following.done():
                    following.result()
                await listener.finish()
            finally:
                await ended(following)
                await listener.aclose()

    async def _follow(self, feed: SessionFeed, view: SessionView) -> None:
        async for fact in feed:
            view.apply(fact)
            self._woken.set()

    async def _wait(self, patience_s: float) -> None:
        try:
            async with asyncio.timeout(patience_s):
                await self._woken.wait()
        except TimeoutError:
            return
        finally:
            self._woken.clear()
