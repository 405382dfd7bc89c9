"""The owner of one track: takes it up where the log stands, and listens until it ends."""

import asyncio
import logging

from faststream.nats import NatsBroker
from nats.errors import Error as NatsError

from actors.transcript.ears import Ears
from actors.transcript.echo.agent_sound import AgentSound
from actors.transcript.echo.playback import HeardPlayback
from actors.transcript.fold import SessionView
from actors.transcript.listener import Listener
from actors.transcript.live_sound import LiveSound
from actors.transcript.resume import resume_point
from contracts import events as e
from infra.ending import ended
from infra.facts import LogUnavailable, Stale, facts_after, now_ns
from infra.feed import SessionFeed

log = logging.getLogger(__name__)

AGENT_SOUND_NS = 60_000_000_000
"""How much of the agent's past sound a new owner reads: what may be playing still."""

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
        past = await facts_after(self._broker, session_id)
        for fact in past:
            view.apply(fact)
        point = resume_point(view, self._track)
        live = LiveSound(
            self._broker, session_id, self._track.participant_id, self._track.track_id, point.since_ns, self._woken
        )
        agent = AgentSound(self._broker, session_id, now_ns() - AGENT_SOUND_NS)
        async with SessionFeed(self._broker, session_id, view.sequence) as feed, live, agent:
            for fact in past:
                agent.playback.take(fact.event)
            following = asyncio.create_task(self._follow(feed, view, agent.playback))
            listener = Listener(self._broker, self._ears, self._track, view, live, agent.playback, self._woken)
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

    async def _follow(self, feed: SessionFeed, view: SessionView, playback: HeardPlayback) -> None:
        async for fact in feed:
            view.apply(fact)
            playback.take(fact.event)
            self._woken.set()

    async def _wait(self, patience_s: float) -> None:
        try:
            async with asyncio.timeout(patience_s):
                await self._woken.wait()
        except TimeoutError:
            return
        finally:
            self._woken.clear()
