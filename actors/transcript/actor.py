"""The transcript process: hears one track per job, from its publication to its end."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from faststream import FastStream
from faststream.nats import NatsBroker
from nats.errors import Error as NatsError

from actors.transcript.silent import SilentTracks
from contracts import events as e
from contracts.topology import TRANSCRIPT
from infra.log.broker import make_app, make_broker
from infra.log.event_log import deliver_again
from infra.log.inbox import Inbox, Job
from infra.process.allocator import give_back_memory
from infra.settings import settings

if TYPE_CHECKING:
    from actors.transcript.engines import SpeechEngines
    from actors.transcript.load import HearingLoad
    from actors.transcript.track_owner import TrackOwner

log = logging.getLogger(__name__)


MOST_TRACKS = 20_000
"""What one process holds at most, silent tracks and all: how many it can hear is for their load to say."""


class TranscriptActor:
    """Takes the tracks of the inbox; each is owned by a task, and its message held, until the track ends."""

    def __init__(self, broker: NatsBroker) -> None:
        self._broker = broker
        self._ears: SpeechEngines | None = None
        self._owners: dict[str, TrackOwner] = {}
        self._load: HearingLoad | None = None
        self.hears = True
        """Whether an engine for speech to text could be made."""
        self.inbox = Inbox(broker, TRANSCRIPT, MOST_TRACKS, self._refuses)
        self._silent = SilentTracks(broker, self._take_again)

    def listen(self, event: e.TrackPublished) -> Job:
        """Return the task that owns the track until it ends."""
        if self._ears is None:
            raise RuntimeError("the engines are not loaded")
        from actors.transcript.track_owner import TrackOwner

        owner = self._owners.get(event.event_id)
        if owner is not None:
            owner.restart("its task was cancelled")
        else:
            owner = self._owners[event.event_id] = TrackOwner(self._broker, self._ears, event)
        return asyncio.create_task(self._own(owner, event), name=f"track {event.track_id}")

    async def _take_again(self, track: e.TrackPublished, revision: int) -> None:
        """Have a track that was silent made a job again, which outlives this process; of all copies' wishes once."""
        try:
            await deliver_again(self._broker, track, f"silent-{revision}")
        except (NatsError, TimeoutError, OSError) as error:
            log.warning("track %s could not be made a job again (%r); it is heard here", track.track_id, error)
            self.inbox.take(track)

    async def _refuses(self) -> bool:
        return self._load is not None and await self._load.refuses()

    async def _own(self, owner: "TrackOwner", event: e.TrackPublished) -> None:
        from actors.transcript.track_owner import GivenUp

        try:
            await owner.run()
        except GivenUp as why:
            log.info("track %s of %s is no job until its sound comes: %s", event.track_id, event.session_id, why)
            # No longer its owner's: the track may be a job again before it is known that this one is done.
            self._owners.pop(event.event_id, None)
            await self._silent.add(event)
        self._owners.pop(event.event_id, None)
        if not self._owners:
            # Sound and words of a call leave holes of many sizes: 50 MB of them after a thousand short calls.
            await give_back_memory()

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Have the engines loaded and warm before the first track comes."""
        from actors.transcript.engines import SpeechEngines
        from actors.transcript.load import HearingLoad

        ears = self._ears = await asyncio.to_thread(SpeechEngines, settings())
        self.hears = await ears.warm_up()
        self._load = HearingLoad(self._broker, ears)
        await self._load.open()
        await self._silent.open()
        await self.inbox.open()
        try:
            yield
        finally:
            await self.inbox.close()
            await self._silent.aclose()
            await self._load.aclose()
            await ears.aclose()


def make() -> FastStream:
    """Return the app."""
    broker = make_broker(TRANSCRIPT)
    transcript = TranscriptActor(broker)
    inbox = transcript.inbox

    @inbox.on(e.TrackPublished)
    async def track_published(event: e.TrackPublished) -> Job:
        """Hear the track until it ends: the message is held as long, so that another copy goes on if this one dies."""
        return transcript.listen(event)

    return make_app(TRANSCRIPT, broker, transcript.lifespan, lambda: () if transcript.hears else ("hear",))
