"""How soon a caller is greeted: from the first attempt to connect to the greeting's first sound."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from infra.bench.statistics import percentile
from infra.caller import CallFailed
from infra.caller.talk import Dial


@dataclass(frozen=True, slots=True)
class Greeting:
    """One call: `connect_ms` until the microphone was open, `greeting_ms` until the greeting was heard."""

    session_id: str
    connect_ms: float = 0
    greeting_ms: float | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class GreetingFigures:
    """All calls; ms are over those that were greeted."""

    joins: int
    greeted: int
    connect_p50_ms: float
    p50_ms: float
    p95_ms: float
    max_ms: float


async def measure_greetings(
    dial: Dial, times: int, report: Callable[[Greeting], None], rest_s: float = 0
) -> list[Greeting]:
    """Call, listen to the greeting and hang up, so many times, one after the other."""
    found: list[Greeting] = []
    for number in range(times):
        await asyncio.sleep(rest_s if number else 0)
        found.append(await _greeted(dial))
        report(found[-1])
    return found


async def _greeted(dial: Dial) -> Greeting:
    try:
        result = await dial([], user_id="bench")
    except CallFailed as failure:
        return Greeting(failure.result.session_id if failure.result else "", problem=str(failure))
    heard = [reply.started_at_s for reply in result.replies if reply.started_at_s is not None]
    if not heard:
        problem = "the agent does not greet: set DAREDEVIL_GREETING for the running system"
        return Greeting(result.session_id, result.connect_s * 1000, None, problem)
    return Greeting(result.session_id, round(result.connect_s * 1000), round((result.connect_s + heard[0]) * 1000, 1))


def summarise(found: list[Greeting]) -> GreetingFigures:
    """Summarise greetings."""
    times = [one.greeting_ms for one in found if one.greeting_ms is not None]
    connects = [one.connect_ms for one in found if one.greeting_ms is not None]
    return GreetingFigures(
        joins=len(found),
        greeted=len(times),
        connect_p50_ms=round(percentile(connects, 0.5), 1),
        p50_ms=round(percentile(times, 0.5), 1),
        p95_ms=round(percentile(times, 0.95), 1),
        max_ms=round(max(times, default=0), 1),
    )
