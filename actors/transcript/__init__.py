"""The transcript actor: hears one track per job, from its publication to its end.

`faststream run actors.transcript:app` runs it; several copies share the tracks.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from contracts import events as e
from contracts.topology import TRANSCRIPT
from infra.broker import make_app, make_broker
from infra.inbox import Inbox
from infra.settings import settings

if TYPE_CHECKING:
    from actors.transcript.ears import Ears

broker = make_broker(TRANSCRIPT)
_ears: "list[Ears]" = []


async def listen(event: e.Event) -> "asyncio.Task[None] | None":
    """Own the track that was published, until it ends: the message is held meanwhile."""
    if not isinstance(event, e.TrackPublished):
        return None
    from actors.transcript.track import TrackOwner

    return asyncio.create_task(TrackOwner(broker, _ears[0], event).run(), name=f"track {event.track_id}")


inbox = Inbox(broker, TRANSCRIPT, listen)


@asynccontextmanager
async def lifespan() -> AsyncIterator[None]:
    """Have the engines loaded and warm before the first track comes."""
    from actors.transcript.ears import Ears

    ears = await asyncio.to_thread(Ears, settings())
    await ears.warm_up()
    _ears.append(ears)
    await inbox.open()
    try:
        yield
    finally:
        await inbox.close()
        _ears.remove(ears)
        await ears.aclose()


app = make_app(TRANSCRIPT, broker, lifespan)
