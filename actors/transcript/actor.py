"""The transcript process: hears one track per job, from its publication to its end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from faststream import FastStream
from faststream.nats import NatsBroker

from contracts import events as e
from contracts.topology import TRANSCRIPT
from infra.broker import make_app, make_broker
from infra.inbox import Inbox
from infra.settings import settings

if TYPE_CHECKING:
    from actors.transcript.ears import Ears


class Hearing:
    """Takes the tracks of the inbox; each is owned by a task, and its message held, until the track ends."""

    def __init__(self, broker: NatsBroker) -> None:
        self._broker = broker
        self._ears: Ears | None = None
        self.inbox = Inbox(broker, TRANSCRIPT, self.listen)

    async def listen(self, event: e.Event) -> "asyncio.Task[None] | None":
        """Own the track that was published."""
        if not isinstance(event, e.TrackPublished) or self._ears is None:
            return None
        from actors.transcript.track import TrackOwner

        owner = TrackOwner(self._broker, self._ears, event)
        return asyncio.create_task(owner.run(), name=f"track {event.track_id}")

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Have the engines loaded and warm before the first track comes."""
        from actors.transcript.ears import Ears

        ears = self._ears = await asyncio.to_thread(Ears, settings())
        await ears.warm_up()
        await self.inbox.open()
        try:
            yield
        finally:
            await self.inbox.close()
            await ears.aclose()


def make() -> FastStream:
    """Return the app."""
    broker = make_broker(TRANSCRIPT)
    return make_app(TRANSCRIPT, broker, Hearing(broker).lifespan)
