"""Whether conversations are possible: checked in the background while anybody asks, answered from the last check."""

import asyncio
import logging
import math
import time
from collections.abc import Sequence

from faststream.nats import NatsBroker
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError

from contracts.topology import (
    DURABLES,
    health_subject,
)
from infra.engines.llm import LOCAL, LlmNotFound, local_url, model_names
from infra.log.broker import UNABLE
from infra.log.connection import answers, cancellation_kept, connection, jetstream
from infra.log.log_probe import LogProbe, refusals
from infra.log.provisioning import missing_durables
from infra.process.http_status import http_status
from infra.process.tasks import ended
from infra.session.behaviour import in_each_share
from infra.settings import Settings
from infra.settings_types import items_of

log = logging.getLogger(__name__)

EVERY_S, AGAIN_S = 2.0, 0.5
"""How long after a look the next one begins; after one that found something missing."""

ASK_S = 1.0
"""How long a process may take to answer."""

PATIENCE_S = 5.0
"""A process that answered this recently may be busy; one that has not answered for longer hangs."""

ASKED_FOR_S = 60.0
"""How long checks go on after the last question: load balancers ask every few seconds."""

FRESH_S = 6.0
"""A check may take 2 s (when the log accepts nothing) and begins `EVERY_S` after the last: an older one is stale."""

WAIT_S = 0.6
"""How long a question waits for the first check: clients often give up after 1 s."""


class Readiness:
    """Asks NATS, its consumers, the log's disk, the actors that are needed and the local model. One event loop."""

    def __init__(self, broker: NatsBroker, settings: Settings, actors: Sequence[str]) -> None:
        self._broker = broker
        self._settings = settings
        self._probe = LogProbe()
        self._answered_s = dict.fromkeys((*actors, *_local_model(settings)), -math.inf)
        """When each of them last answered."""
        self._unable: dict[str, str] = {}
        """What each actor said last that it cannot do, for no engine could be made."""
        self._problem = ""
        self._looked_s = -math.inf
        self._asked_s = -math.inf
        self._silent = False
        self._looked = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None

    async def problem(self) -> tuple[str, float]:
        """Return why no conversation is possible ("" if one is), and how many s ago that was checked; within 0.6 s."""
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
            except (NatsError, TimeoutError, OSError) as error:
                self._problem = f"NATS does not answer: {error!r}"
            self._looked_s = time.monotonic()
            self._looked.set()
            await asyncio.sleep(AGAIN_S if self._problem else EVERY_S)

    async def _look(self) -> str:
        nc = connection(self._broker)
        if not nc.is_connected:
            self._silent = True
            return "NATS is not connected"
        if not await answers(nc, ASK_S):
            self._silent = True
            return "NATS does not answer"
        if self._silent:
            self._silent = False
            refusals.back(time.monotonic())
        async with asyncio.TaskGroup() as group:
            for name in self._answered_s:
                group.create_task(self._ask(name))
            disk = group.create_task(self._probe.problem(jetstream(self._broker)))
            missing = group.create_task(_missing_durables(self._broker))
        return (
            missing.result()
            or refusals.problem(time.monotonic())
            or disk.result()
            or self._hanging()
            or self._lacking()
        )

    def _hanging(self) -> str:
        since_s = time.monotonic() - PATIENCE_S
        hanging = [name for name, answered_s in self._answered_s.items() if answered_s < since_s]
        return f"no answer comes from: {', '.join(hanging)}" if hanging else ""

    def _lacking(self) -> str:
        lacking = [f"{name} cannot {what}" for name, what in sorted(self._unable.items()) if what]
        return f"an engine is missing: {', '.join(lacking)} (`daredevil doctor` says why)" if lacking else ""

    async def _ask(self, name: str) -> None:
        if name == LOCAL_MODEL:
            is_there = await _local_model_answers(self._settings)
        else:
            try:
                with cancellation_kept():
                    answer = await connection(self._broker).request(health_subject(name), timeout=ASK_S)
                self._unable[name] = ", ".join(items_of((answer.headers or {}).get(UNABLE, "")))
                is_there = True
            except NoRespondersError:
                is_there, self._answered_s[name] = False, -math.inf
            except (NatsError, TimeoutError, OSError):
                is_there = False
        if is_there:
            self._answered_s[name] = time.monotonic()


LOCAL_MODEL = "the local language model"


def _local_model(settings: Settings) -> list[str]:
    """Return the local model if there are sessions in which no other model can answer in its place."""
    try:
        chains = [model_names(share.llm) for share in in_each_share(settings, "llm")]
    except LlmNotFound:
        return []  # then reasoning does not start
    return [LOCAL_MODEL] if [LOCAL] in chains else []


async def _local_model_answers(settings: Settings) -> bool:
    try:
        return await http_status(f"{local_url(settings)}/health", ASK_S) == 200
    except LlmNotFound:
        return False


async def _missing_durables(broker: NatsBroker) -> str:
    with cancellation_kept():
        missing = await missing_durables(jetstream(broker), tuple(durable.name for durable in DURABLES))
    return f"consumers are missing: {', '.join(missing)}" if missing else ""
