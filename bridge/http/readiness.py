"""Whether conversations are possible: what the actors that they need, and the local model, answer."""

import asyncio
import math
import time
from collections.abc import Sequence

from faststream.nats import NatsBroker
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError

from contracts.topology import DURABLES, health_subject
from infra.engines.llm import LOCAL, LlmNotFound, local_url, model_names
from infra.log.connection import cancellation_kept, connection
from infra.log.readiness import ASK_S, UNABLE, Readiness
from infra.process.http_status import http_status
from infra.session.behaviour import in_each_share
from infra.settings import Settings
from infra.settings_types import items_of

PATIENCE_S = 5.0
"""A process that answered this recently may be busy; one that has not answered for longer hangs."""

LOCAL_MODEL = "the local language model"


def system_readiness(broker: NatsBroker, settings: Settings, actors: Sequence[str]) -> Readiness:
    """Return the readiness of a system in which these actors are needed for a conversation."""
    parts = NeededParts(broker, settings, actors)
    return Readiness(broker, tuple(durable.name for durable in DURABLES), parts.problem)


class NeededParts:
    """The actors that are needed and the local model."""

    def __init__(self, broker: NatsBroker, settings: Settings, actors: Sequence[str]) -> None:
        self._broker = broker
        self._settings = settings
        self._answered_s = dict.fromkeys((*actors, *_local_model(settings)), -math.inf)
        """When each of them last answered."""
        self._unable: dict[str, str] = {}
        """What each actor said last that it cannot do, for no engine could be made."""

    async def problem(self) -> str:
        """Ask them all; return which of them are missing or lack an engine, empty if none."""
        async with asyncio.TaskGroup() as group:
            for name in self._answered_s:
                group.create_task(self._ask(name))
        return self._hanging() or self._lacking()

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
