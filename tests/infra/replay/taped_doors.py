"""Doors whose tapes a test keeps, and a replay of them."""

import asyncio
from collections.abc import Sequence

from contracts.journal import decode_chunk
from contracts.topology import journal_subject
from infra.log.clock import CLOCK
from infra.log.event_log import Fact
from infra.replay.actors import ReplayedActor
from infra.replay.schedule import Outcome, TapedStretch, run_stretch
from infra.tape.deliveries import Delivery
from infra.tape.live import LiveTapes


class KeptTapes(LiveTapes):
    """The tapes of one copy of an actor as bytes, as they would be on the bus."""

    def __init__(self, actor: str, instance: str) -> None:
        super().__init__(actor, instance, "0.1.0", self._keep, CLOCK.peek_ns)
        self.chunks: list[tuple[str, bytes]] = []

    async def _keep(self, session_id: str, chunk: bytes) -> bool:
        self.chunks.append((session_id, chunk))
        return True

    async def stretch(self, session_id: str) -> TapedStretch:
        """Return what the copy took in of a session, read back from the chunks' bytes."""
        await self.finish()
        subject = journal_subject(session_id, self.actor)
        chunks = [decode_chunk(subject, chunk) for of, chunk in self.chunks if of == session_id]
        assert [chunk.n for chunk in chunks] == list(range(len(chunks)))
        deliveries: tuple[Delivery, ...] = tuple(each for chunk in chunks for each in chunk.deliveries)
        return TapedStretch(self.actor, self.instance, deliveries)

    async def replayed(self, session_id: str, facts: Sequence[Fact], actor: ReplayedActor) -> Outcome:
        """Run the copy again over its tape."""
        stretch = await self.stretch(session_id)
        return await asyncio.to_thread(run_stretch, stretch, session_id, facts, actor)
