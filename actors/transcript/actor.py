"""The transcript process: hears one track per job, from its publication to its end."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from faststream import FastStream
from faststream.nats import NatsBroker
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from actors.transcript.silent import SilentTracks
from contracts import events as e
from contracts.topology import LOAD, TRANSCRIPT
from infra.log.broker import make_app, make_broker
from infra.log.event_log import NewerFact, deliver_again
from infra.log.inbox import Inbox, Job
from infra.log.live_events import LiveEvents
from infra.log.requests import RequestHandlers
from infra.log.tapes import tapes_of
from infra.process.allocator import give_back_memory
from infra.settings import settings
from infra.tape.tape import Tapes

if TYPE_CHECKING:
    from actors.transcript.engines import SpeechEngines
    from actors.transcript.load import HearingLoad
    from actors.transcript.track_owner import TrackOwner

log = logging.getLogger(__name__)


MOST_TRACKS = 20_000
"""The most tracks one process holds, including silent ones; how many it can hear depends on their load."""


class TranscriptActor:
    """The tracks that this copy hears, each owned by a task that ends with the track.

    `give_up` is called with a track that need not be a job until its sound comes.
    """

    def __init__(
        self, broker: NatsBroker, give_up: Callable[[e.TrackPublished], Awaitable[None]], tapes: Tapes
    ) -> None:
        self._broker = broker
        self._tapes = tapes
        self._give_up = give_up
        self._ears: SpeechEngines | None = None
        self._owners: dict[str, TrackOwner] = {}
        self._load: HearingLoad | None = None
        self.hears = True
        """Whether an engine for speech to text could be created."""

    @asynccontextmanager
    async def ready(self) -> AsyncIterator["HearingLoad"]:
        """Keep the engines loaded and warm within a block, which gets their load."""
        from livekit.agents.utils import http_context

        from actors.transcript.engines import SpeechEngines
        from actors.transcript.load import HearingLoad

        async with http_context.open():  # plugins share it
            ears = self._ears = await asyncio.to_thread(SpeechEngines, settings())
            self.hears = await ears.warm_up()
            load = self._load = HearingLoad(self._broker, ears)
            await load.open()
            try:
                yield load
            finally:
                await load.aclose()
                await ears.aclose()

    def hear(self, track: e.TrackPublished) -> Job:
        """Return the task that owns the track until it ends."""
        if self._ears is None:
            raise RuntimeError("a track came before the engines were loaded")
        from actors.transcript.track_owner import TrackOwner

        owner = self._owners.get(track.event_id)
        if owner is not None:
            owner.restart("its task was cancelled")
        else:
            owner = self._owners[track.event_id] = TrackOwner(self._broker, self._ears, track, self._tapes)
        return asyncio.create_task(self._own(owner, track), name=f"track {track.track_id}")

    async def refuses(self) -> bool:
        """Return whether the next track is better left to another copy."""
        return self._load is not None and await self._load.refuses()

    async def _own(self, owner: "TrackOwner", track: e.TrackPublished) -> None:
        from actors.transcript.track_owner import GivenUp

        try:
            await owner.run()
        except GivenUp as why:
            log.info("track %s of %s is no job until its sound comes: %s", track.track_id, track.session_id, why)
            # Removed already here: the track may become a job again before this one is known to be done.
            self._owners.pop(track.event_id, None)
            await self._give_up(track)
        except NewerFact:
            self._owners.pop(track.event_id, None)
            raise
        self._owners.pop(track.event_id, None)
        if not self._owners:
            # Sound and words of calls leave memory fragmented: 50 MB after a thousand short calls.
            await give_back_memory()


def take_events(broker: NatsBroker, transcript: TranscriptActor) -> Inbox:
    """Return the inbox of tracks."""
    inbox = Inbox(broker, TRANSCRIPT, MOST_TRACKS, transcript.refuses, tapes_of(broker))

    @inbox.on(e.TrackPublished)
    async def track_published(event: e.TrackPublished) -> Job:
        """Hear the track until it ends. Its message is held until then: if this copy dies, another continues."""
        return transcript.hear(event)

    return inbox


def listen(broker: NatsBroker, silent: SilentTracks) -> LiveEvents:
    """Return the listeners for the ends of tracks that nobody owns."""
    live = LiveEvents(broker, TRANSCRIPT, tapes_of(broker))

    @live.on(e.SessionClosed)
    async def session_closed(event: e.SessionClosed) -> None:
        """Stop waiting for the sound of the session's tracks."""
        await silent.session_over(event.session_id)

    @live.on(e.TrackUnpublished)
    async def track_unpublished(event: e.TrackUnpublished) -> None:
        """Stop waiting for the track's sound."""
        await silent.track_over(event.session_id, event.track_id)

    return live


def answer_requests(broker: NatsBroker, load: "HearingLoad") -> RequestHandlers:
    """Return the requests that a copy answers."""
    requests = RequestHandlers(broker, TRANSCRIPT)

    @requests.on(LOAD)
    async def load_asked(_: Msg) -> bytes:
        """Answer a copy that is behind and looks for one that is not."""
        return load.answer()

    return requests


def make() -> FastStream:
    """Return the app."""
    broker = make_broker(TRANSCRIPT)

    async def take_again(track: e.TrackPublished, revision: int) -> None:
        """Make a track that was silent a job again, which outlives this process; only one copy's attempt succeeds."""
        try:
            await deliver_again(broker, track, f"silent-{revision}")
        except (NatsError, TimeoutError, OSError) as error:
            log.warning("track %s could not be made a job again (%r); it is heard here", track.track_id, error)
            inbox.take(track)

    silent = SilentTracks(broker, take_again)
    transcript = TranscriptActor(broker, silent.add, tapes_of(broker))
    inbox = take_events(broker, transcript)
    live = listen(broker, silent)

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        async with transcript.ready() as load, answer_requests(broker, load), live, silent, inbox:
            yield

    return make_app(TRANSCRIPT, broker, lifespan, lambda: () if transcript.hears else ("hear",))
