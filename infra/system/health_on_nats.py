"""Asks the processes of a system over NATS whether they can do their work."""

import asyncio
import time
from collections.abc import Sequence

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.errors import APIError

from contracts.topology import (
    APPS,
    BRIDGE,
    BRIDGE_LIVEKIT,
    DURABLES,
    HTTP,
    PERSISTENCE,
    REASONING,
    SUMMARIES,
    SYNTHESIS,
    TOOLS,
    TRANSCRIPT,
    health_subject,
)
from infra.engines import local_model
from infra.engines.llm import LlmNotFound, local_url
from infra.log.log_probe import log_problem
from infra.log.provisioning import missing_durables
from infra.log.readiness import UNABLE, nothing_further
from infra.settings import Settings
from infra.settings_types import items_of
from infra.system.health import Health, ProcessHealth

MORE_S = 0.1
"""How long further copies of a process are waited for after the first has answered."""


def needed(settings: Settings) -> tuple[str, ...]:
    """Return the processes without which a system is not healthy; of the doors, any one is enough."""
    remote = (TOOLS,) if settings.tools == "remote" else ()
    rooms = (BRIDGE_LIVEKIT,) if settings.livekit or settings.livekit_url else ()
    return (TRANSCRIPT, REASONING, SYNTHESIS, *remote, PERSISTENCE, SUMMARIES, *rooms)


async def health_on_nats(nc: Client, settings: Settings, names: Sequence[str], timeout_s: float) -> Health:
    """Ask these processes (all of the system if none are named) and the log; return what they answer in time."""
    asked = names or APPS
    durables = tuple(durable.name for durable in DURABLES if durable.actor in asked)
    (log, consumers, model), copies = await asyncio.gather(
        asyncio.gather(
            log_problem(nc.jetstream(timeout=timeout_s), timeout_s),
            _missing(nc, durables, timeout_s),
            _model_problem(settings, timeout_s) if REASONING in asked else nothing_further(),
        ),
        asyncio.gather(*(_copies(nc, name, timeout_s) for name in asked)),
    )
    answered = dict(zip(asked, copies, strict=True))
    wanted = names or needed(settings)
    processes = tuple(_process(name, answered[name]) for name in asked if answered[name] or name in wanted)
    problems = [problem for problem in (log, consumers, model) if problem]
    problems += [each.problem for each in processes if each.problem]
    if not names and not any(answered[door] for door in (BRIDGE, HTTP, BRIDGE_LIVEKIT)):
        problems.append("no door answers (bridge, http, bridge-livekit)")
    return Health(not problems, "; ".join(problems), processes)


def _process(name: str, copies: Sequence[Msg]) -> ProcessHealth:
    """Return what the answers of the copies of a process mean: one copy that can is enough."""
    if not copies:
        return ProcessHealth(name, False, f"{name} does not answer", 0)
    unable = [items_of((answer.headers or {}).get(UNABLE, "")) for answer in copies]
    lacking = " and ".join(sorted(unable, key=len)[0])
    problem = f"{name} cannot {lacking} (`daredevil doctor` says why)" if lacking else ""
    return ProcessHealth(name, not problem, problem, len(copies))


async def _copies(nc: Client, name: str, timeout_s: float) -> list[Msg]:
    inbox, answers = nc.new_inbox(), list[Msg]()
    subscription = await nc.subscribe(inbox)
    begun_s = time.monotonic()
    try:
        await nc.publish(health_subject(name), reply=inbox)
        wait_s = timeout_s
        while wait_s > 0:
            answer = await subscription.next_msg(timeout=wait_s)
            if (answer.headers or {}).get("Status") == "503":  # nobody is subscribed
                break
            answers.append(answer)
            wait_s = min(MORE_S, begun_s + timeout_s - time.monotonic())
    except (NatsError, TimeoutError):
        pass
    return answers


async def _missing(nc: Client, durables: tuple[str, ...], timeout_s: float) -> str:
    try:
        async with asyncio.timeout(timeout_s):
            missing = await missing_durables(nc.jetstream(timeout=timeout_s), durables)
    except (APIError, NatsError, TimeoutError, OSError) as error:
        return f"the log's consumers are not known ({str(error) or type(error).__name__})"
    return f"consumers are missing: {', '.join(missing)}" if missing else ""


async def _model_problem(settings: Settings, timeout_s: float) -> str:
    """Return that the local model is needed and does not answer; one whose address is not known here is not asked."""
    try:
        local_url(settings)
    except LlmNotFound:
        return ""
    return await local_model.problem(settings, timeout_s)
