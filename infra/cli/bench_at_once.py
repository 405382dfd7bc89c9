"""`daredevil bench gap --at-once N`: several callers at the same time, against one."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from infra.cli.doors import ANY_LOAD, DOORS, CallOptions
from infra.cli.gap_shown import print_group, short, show_call
from infra.cli.output import FAILED, fail_for, out, progress, run_async, warn

if TYPE_CHECKING:
    from infra.bench.at_once import AtOnce, SeveralAtOnce
    from infra.bench.gap import CallPlan

NEGLIGIBLE_MS = 5


def at_once(plans: "list[CallPlan]", door: str, callers: Sequence[int], rest_s: float, as_json: bool) -> None:
    """Measure, and print it."""
    done = run_async(_measured(plans, door, callers, rest_s))
    if as_json:
        typer.echo(json.dumps(asdict(done), indent=2))
    else:
        for stage in done.stages:
            _print_stage(stage)
        for call in done.calls:
            if call.problem:
                out().print(f"{call.wav}: {call.problem}", style="red", markup=False)
        out().print(_first_full(done.stages))
    fail_for(done.not_measured)
    if all(call.problem for call in done.calls):
        raise typer.Exit(FAILED)


async def _measured(plans: "list[CallPlan]", door: str, callers: Sequence[int], rest_s: float) -> "SeveralAtOnce":
    from infra.bench.at_once import measure_stages
    from infra.bench.machine_use import machine_use
    from infra.cli.system import system_here
    from infra.settings import settings

    async with system_here({**DOORS[door].needs, **ANY_LOAD}) as runtime:
        dial = DOORS[door].here(runtime, CallOptions())
        progress(f"one call at a time, then {', '.join(map(str, sorted(callers)))}")
        return await measure_stages(
            dial, plans, callers, show_call, rest_s, lambda: machine_use(settings().data_dir, runtime.llm_url), warn
        )


def _print_stage(stage: "AtOnce") -> None:
    from infra.bench.at_once import largest, stage_name

    one = stage.at_once == 1
    out().print(f"\n[bold]{stage_name(stage.at_once)}[/]")
    for name, group in stage.groups.items():
        print_group(name, group)
    grown = {part: ms for part, ms in stage.grown_ms.items() if abs(ms) >= NEGLIGIBLE_MS}
    if not one:
        told = ", ".join(f"{short(part)} {ms:+.0f}" for part, ms in sorted(grown.items(), key=lambda each: -each[1]))
        out().print(f"  against one at a time, medians of the parts: {told or 'nothing grew'}")
    use = stage.use
    named = ", ".join(f"{part} {used:.2f}" for part, used in largest(use))
    out().print(
        f"  cores: {use.busy_cores:.2f} of {use.machine_cores:g}; the system {use.system_cores:.2f} ({named}), the "
        f"callers {use.callers_cores:.2f}, all else {use.others_cores:.2f}; its threads waited {use.waited:.0%} of the "
        "time in which they could run"
    )
    waiting = "not known" if use.model_waiting is None else f"{use.model_waiting} requests at most"
    out().print(
        f"  waited for speech to text: {use.recognition_waited_s:.2f} s at most; for the local model: {waiting}",
        highlight=False,
    )


def _first_full(stages: "Sequence[AtOnce]") -> str:
    for stage in stages:
        if stage.full:
            callers = "one call" if stage.at_once == 1 else f"{stage.at_once} callers"
            return f"\nsaturated first, with {callers}: {'; '.join(stage.full)}"
    return "\nnothing was saturated"
