"""Whether conversations are possible: what the actors that they need, and the local model, answer.

A door asks when it is asked whether it is ready, and before it takes a new session.
"""

import asyncio
import math
import time
from collections.abc import Sequence

from faststream.nats import NatsBroker
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError

from contracts.topology import REASONING, SYNTHESIS, TOOLS, TRANSCRIPT, health_subject
from infra.engines import local_model
from infra.engines.local_model import LOCAL_MODEL
from infra.log.connection import answers, ask_s, connection
from infra.log.readiness import ASK_S, UNABLE
from infra.settings import Settings
from infra.settings_types import items_of

PATIENCE_S = 5.0
"""A process that answered this recently may be busy; one that has not answered for longer hangs."""


AGAIN_S = 0.25
"""How long after a question that found something missing the next one is asked, while a new session waits."""

VOICE_ACTORS = (TRANSCRIPT, REASONING, SYNTHESIS)
TEXT_ACTORS = (REASONING,)
"""Text needs neither ears nor a voice."""


class NeededParts:
    """The actors that are needed, tools among them if they are remote, and the local model."""

    def __init__(self, broker: NatsBroker, settings: Settings, actors: Sequence[str]) -> None:
        self._broker = broker
        self._settings = settings
        tools = (TOOLS,) if settings.tools == "remote" else ()
        local = (LOCAL_MODEL,) if local_model.is_needed(settings) else ()
        self._answered_s = dict.fromkeys((*actors, *tools, *local), -math.inf)
        """When each of them last answered."""
        self._unable: dict[str, str] = {}
        """What each actor said last that it cannot do, for no engine could be made."""

    async def problem(self) -> str:
        """Ask them all; return which of them are missing or lack an engine, empty if none."""
        await self._ask_all()
        return self._hanging() or self._lacking()

    async def arrival(self, patience_s: float) -> str:
        """Wait for those that are missing, as after a crash; return which still are after `patience_s`, empty if none.

        With no patience nobody is asked. Raises TimeoutError if none can be heard because NATS does not answer.
        """
        until_s = time.monotonic() + patience_s
        while patience_s:
            await self._ask_all()
            missing = self._hanging()
            if not missing:
                return ""
            if time.monotonic() >= until_s:
                if not await answers(connection(self._broker)):
                    raise TimeoutError("NATS does not answer")
                return missing
            await asyncio.sleep(AGAIN_S)
        return ""

    async def _ask_all(self) -> None:
        nc = connection(self._broker)
        async with asyncio.TaskGroup() as group:
            # How far away NATS is decides how long the next question waits.
            group.create_task(answers(nc, ASK_S))
            for name in self._answered_s:
                group.create_task(self._ask(name))

    def _hanging(self) -> str:
        since_s = time.monotonic() - PATIENCE_S
        hanging = [name for name, answered_s in self._answered_s.items() if answered_s < since_s]
        return f"no answer comes from: {', '.join(hanging)}" if hanging else ""

    def _lacking(self) -> str:
        lacking = [f"{name} cannot {what}" for name, what in sorted(self._unable.items()) if what]
        return f"an engine is missing: {', '.join(lacking)} (`daredevil doctor` says why)" if lacking else ""

    async def _ask(self, name: str) -> None:
        if name == LOCAL_MODEL:
            is_there = await local_model.is_there(self._settings, ASK_S)
        else:
            nc = connection(self._broker)
            try:
                answer = await nc.request(health_subject(name), timeout=ask_s(nc, ASK_S))
                self._unable[name] = ", ".join(items_of((answer.headers or {}).get(UNABLE, "")))
                is_there = True
            except NoRespondersError:
                is_there, self._answered_s[name] = False, -math.inf
            except (NatsError, TimeoutError, OSError):
                is_there = False
        if is_there:
            self._answered_s[name] = time.monotonic()
