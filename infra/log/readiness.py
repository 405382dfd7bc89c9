"""Whether a process can do its work: checked in the background while anybody asks, answered from the last check."""

import asyncio
import math
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING

from nats.errors import Error as NatsError

from contracts.topology import DURABLES
from infra.log.connection import answers, ask_s, connection, jetstream
from infra.log.log_probe import LogProbe, refusals
from infra.log.nats_reach import why_away
from infra.log.provisioning import missing_durables
from infra.process.tasks import ended

if TYPE_CHECKING:
    from faststream.nats import NatsBroker

EVERY_S, AGAIN_S = 2.0, 0.5
"""How long after a look the next one begins; after one that found something missing."""

ASK_S = 1.0
"""How long NATS, or a process, may take to answer where NATS is near (`ask_s`)."""

ASKED_FOR_S = 60.0
"""How long checks go on after the last question: load balancers ask every few seconds."""

FRESH_S = 6.0
"""A check may take 2 s (when the log accepts nothing) and begins `EVERY_S` after the last: an older one is stale."""

WAIT_S = 0.6
"""How long a question waits for the first check: clients often give up after 1 s."""


Further = Callable[[], Coroutine[None, None, str]]
"""Returns what else is wrong, empty if nothing is."""


async def nothing_further() -> str:
    """Return that nothing else has to be right."""
    return ""


class Readiness:
    """Asks NATS, its consumers `durables`, and the log's disk; `further` returns what else is wrong. One event loop."""

    def __init__(
        self,
        broker: "NatsBroker",
        durables: tuple[str, ...],
        further: Further = nothing_further,
    ) -> None:
        self._broker = broker
        self._durables = durables
        self._further = further
        self._probe = LogProbe()
        self._problem = ""
        self._looked_s = -math.inf
        self._asked_s = -math.inf
        self._silent = False
        self._leaving = ""
        self._looked = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None

    async def problem(self) -> tuple[str, float]:
        """Return why it cannot ("" if it can), and how many s ago that was checked; within 0.6 s."""
        if self._leaving:
            return self._leaving, 0.0
        self._asked_s = time.monotonic()
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look_on(), name="readiness")
        if self._age_s() > FRESH_S:
            self._looked.clear()
            try:
                async with asyncio.timeout(WAIT_S):
                    await self._looked.wait()
            except TimeoutError:
                return f"nothing is known yet: the first check takes longer than {WAIT_S:g} s", 0.0
        return self._problem, self._age_s()

    @property
    def known_problem(self) -> str:
        """Why it cannot, as far as is known without asking anybody: from the last check, if that was just now."""
        if not connection(self._broker).is_connected:
            return "NATS is not connected"
        just_now = self._problem if self._age_s() <= FRESH_S else ""
        return just_now or refusals.problem(time.monotonic())

    def leave(self, why: str) -> None:
        """Be not ready from now on, whatever checks would find."""
        self._leaving = why

    async def aclose(self) -> None:
        """Stop checking."""
        if self._looking is not None:
            await ended(self._looking)

    def _age_s(self) -> float:
        return time.monotonic() - self._looked_s

    async def _look_on(self) -> None:
        while time.monotonic() - self._asked_s < ASKED_FOR_S:
            try:
                self._problem = await self._look()
            except* (NatsError, TimeoutError, OSError) as errors:
                self._problem = why_away(errors.exceptions[0])
            self._looked_s = time.monotonic()
            self._looked.set()
            await asyncio.sleep(AGAIN_S if self._problem else EVERY_S)

    async def _look(self) -> str:
        nc = connection(self._broker)
        if not nc.is_connected:
            self._silent = True
            return "NATS is not connected"
        if not await answers(nc, ask_s(nc, ASK_S)):
            self._silent = True
            return "NATS does not answer"
        if self._silent:
            self._silent = False
            refusals.back(time.monotonic())
        async with asyncio.TaskGroup() as group:
            further = group.create_task(self._further())
            disk = group.create_task(self._probe.problem(jetstream(self._broker)))
            missing = group.create_task(self._missing_durables())
        return missing.result() or refusals.problem(time.monotonic()) or disk.result() or further.result()

    async def _missing_durables(self) -> str:
        missing = await missing_durables(jetstream(self._broker), self._durables)
        return f"consumers are missing: {', '.join(missing)}" if missing else ""


UNABLE = "Daredevil-Unable"
"""Header of the answer to a health request: what the process cannot do (`hear,answer,speak`)."""


class OwnReadiness:
    """Whether the process `name` can do its work, from its start to its end; `unable` returns what it cannot do."""

    def __init__(
        self,
        broker: "NatsBroker",
        name: str,
        unable: Callable[[], Sequence[str]] = lambda: (),
        further: Further = nothing_further,
    ) -> None:
        self._name = name
        self._unable = unable
        self._has_started = False
        self._is_ending = False
        own = tuple(durable.name for durable in DURABLES if durable.actor == name)
        self._further = further
        self._readiness = Readiness(broker, own, self._lacking)

    def started(self) -> None:
        """Note that it is connected, its engines are loaded and it takes messages."""
        self._has_started = True

    async def aclose(self) -> None:
        """Note that it takes no more messages, and stop checking."""
        self._is_ending = True
        await self._readiness.aclose()

    def seems_ready(self) -> bool:
        """Return whether it can do its work, as far as is known without asking anybody."""
        is_at_work = self._has_started and not self._is_ending
        return is_at_work and not self._unable() and not self._readiness.known_problem

    async def problem(self) -> str:
        """Return why it cannot do its work; empty if it can."""
        if self._is_ending:
            return f"{self._name} is ending"
        if not self._has_started:
            return f"{self._name} is starting: it waits for NATS, or loads its engines"
        return (await self._readiness.problem())[0]

    async def _lacking(self) -> str:
        unable = " and ".join(self._unable())
        return (
            f"{self._name} cannot {unable}: an engine is missing (`daredevil doctor` says why)"
            if unable
            else await self._further()
        )
