"""Several callers at the same time, each going through the calls: the gap against one at a time, and what saturates."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from infra.bench.attempts import NotMeasured, attempt
from infra.bench.gap import CallFigures, CallPlan, GroupFigures, groups, measure_one, summarise
from infra.bench.machine_use import MachineUse
from infra.caller.talk import Dial

FULL = 0.9
"""Of all cores: beyond, work waits for a core most of the time."""

STARVED = 0.3
"""Of the time in which the system's threads could run, the share in which others ran."""

BEHIND_S = 0.25
"""Speech that waits longer for speech to text holds answers up."""

MOST_NAMED = 4

OTHERS = 0.1
"""Cores: from there on other programs disturb a measurement."""

Measured = Callable[[], AbstractAsyncContextManager[MachineUse]]
"""Measures the machine during a block."""


@dataclass(frozen=True, slots=True)
class AtOnce:
    """So many callers at a time. Gaps and answers that came too early are one table: read them together."""

    at_once: int
    groups: dict[str, GroupFigures]
    use: MachineUse
    grown_ms: dict[str, float] = field(default_factory=dict)
    """Medians of the parts, less those with one call at a time."""
    full: list[str] = field(default_factory=list)
    """What had no more to give, in words."""


@dataclass(frozen=True, slots=True)
class SeveralAtOnce:
    """The stages that were measured, all calls in their order, and the stages that failed."""

    stages: list[AtOnce] = field(default_factory=list)
    calls: list[CallFigures] = field(default_factory=list)
    not_measured: list[NotMeasured] = field(default_factory=list)


def turns_of_caller(plans: Sequence[CallPlan], caller: int, callers: int) -> list[CallPlan]:
    """Return the calls of one of several callers: all of them, each caller beginning at another."""
    first = caller * len(plans) // callers
    return [*plans[first:], *plans[:first]]


def start_s(plans: Sequence[CallPlan], caller: int, callers: int) -> float:
    """Return when a caller begins: spread over the length of an utterance, so that they do not stop speaking at once.

    Later calls drift apart or together by themselves, since each caller is at another utterance.
    """
    mean_s = sum(plan.sound.seconds for plan in plans) / len(plans)
    return mean_s * caller / callers


async def measure_at_once(
    dial: Dial, plans: Sequence[CallPlan], callers: int, report: Callable[[CallFigures], None], rest_s: float
) -> list[CallFigures]:
    """Let so many callers go through the calls at the same time; a call that fails is reported as such."""

    async def caller_talks(caller: int) -> list[CallFigures]:
        await asyncio.sleep(start_s(plans, caller, callers))
        figures: list[CallFigures] = []
        for plan in turns_of_caller(plans, caller, callers):
            await asyncio.sleep(rest_s if figures else 0)
            figures.append(await measure_one(dial, plan, f"bench-{caller}"))
            report(figures[-1])
        return figures

    async with asyncio.TaskGroup() as talks:
        tasks = [talks.create_task(caller_talks(caller), name=f"caller {caller}") for caller in range(callers)]
    return [call for task in tasks for call in task.result()]


async def measure_stages(
    dial: Dial,
    plans: Sequence[CallPlan],
    at_once: Sequence[int],
    report: Callable[[CallFigures], None],
    rest_s: float,
    measured: Measured,
    failed: Callable[[str], None],
) -> SeveralAtOnce:
    """Measure the calls one at a time, then so many at once; a stage that fails is told to `failed`."""
    done = SeveralAtOnce()
    for callers in (1, *sorted(set(at_once) - {1})):
        alone = next((stage for stage in done.stages if stage.at_once == 1), None)
        with attempt(stage_name(callers), done.not_measured, failed):
            async with measured() as use:
                found = await measure_at_once(dial, plans, callers, report, rest_s)
                done.calls.extend(found)
            done.stages.append(stage_of(callers, found, use, alone))
    return done


def stage_name(callers: int) -> str:
    """Return what a stage is called."""
    return "one call at a time" if callers == 1 else f"{callers} callers at once"


def stage_of(callers: int, calls: Sequence[CallFigures], use: MachineUse, alone: AtOnce | None) -> AtOnce:
    """Return the figures of so many callers, compared with one at a time if there is that."""
    grown: dict[str, float] = {}
    if alone is not None:
        before, now = _parts(alone.groups), summarise(calls).parts_median_ms
        grown = {part: round(ms - before.get(part, 0.0), 1) for part, ms in now.items()}
    return AtOnce(callers, groups(calls), use, grown, saturated(use))


def _parts(found: dict[str, GroupFigures]) -> dict[str, float]:
    return (found.get("all") or next(iter(found.values()))).parts_median_ms


def saturated(use: MachineUse) -> list[str]:
    """Return what had no more to give, in words; what holds up the others first."""
    found = []
    if use.machine_cores and use.busy_cores >= FULL * use.machine_cores:
        found.append(f"the CPU: {use.busy_cores:.2f} of {use.machine_cores:g} cores were busy{_others(use)}")
    if use.waited >= STARVED:
        found.append(f"the CPU for moments: threads that could run waited {use.waited:.0%} of that time")
    if use.recognition_waited_s >= BEHIND_S:
        found.append(f"speech to text: speech waited for up to {use.recognition_waited_s:.1f} s")
    if use.model_waiting:
        found.append(f"the local model: up to {use.model_waiting} requests waited for one of its slots")
    return found


def _others(use: MachineUse) -> str:
    """Return what programs of others used, if it is enough to have changed what was measured."""
    return f", {use.others_cores:.2f} of them with other programs" if use.others_cores >= OTHERS else ""


def largest(use: MachineUse) -> list[tuple[str, float]]:
    """Return the parts of the system that used most, in cores."""
    return sorted(use.cores.items(), key=lambda each: -each[1])[:MOST_NAMED]
