"""What a process does with more speech than it can recognise: it logs it and leaves new tracks to other copies."""

import asyncio
import logging
from contextlib import ExitStack

from faststream.nats import NatsBroker

from actors.transcript.engines import SpeechEngines
from contracts.topology import TRANSCRIPT
from infra.log.connection import connection
from infra.log.copy_load import CopyLoad
from infra.metrics.metric import one
from infra.metrics.table import WAITED
from infra.process.tasks import again_and_again, ended

log = logging.getLogger(__name__)

LOOK_S = 0.25


class HearingLoad:
    """Watches how far recognition is behind, and decides whether a new track is better left to another copy."""

    def __init__(self, broker: NatsBroker, ears: SpeechEngines) -> None:
        self._broker = broker
        self._ears = ears
        self._copies = CopyLoad(TRANSCRIPT, ears.behind)
        self._watching: asyncio.Task[None] | None = None
        self._was_behind = False
        self._measured = ExitStack()

    async def open(self) -> None:
        """Start to watch."""
        self._watching = asyncio.create_task(
            again_and_again(self._watch, "load of recognition"), name="load of recognition"
        )
        self._measured.enter_context(WAITED.observed_by(one(self._ears.waited_s)))

    async def aclose(self) -> None:
        """Stop watching."""
        self._measured.close()
        if self._watching is not None:
            await ended(self._watching)

    async def refuses(self) -> bool:
        """Return whether a new track is better left to another copy: this one is behind, and another is not."""
        return self._ears.behind() and await self._copies.another_has_room(connection(self._broker))

    def answer(self) -> bytes:
        """Return the answer for others who ask for this copy's load."""
        return self._copies.answer()

    async def _watch(self) -> None:
        await asyncio.sleep(LOOK_S)
        behind = self._ears.behind()
        if behind and not self._was_behind:
            log.warning(
                "recognition is behind real time: speech waits for %.1f s; until it has caught up guesses are left "
                "out, and new tracks left to other copies",
                self._ears.waited_s(),
            )
        elif self._was_behind and not behind:
            log.warning("recognition has caught up")
        self._was_behind = behind
