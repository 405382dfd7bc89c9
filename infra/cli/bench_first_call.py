"""`daredevil bench first-call`: how much longer the first caller after a start waits."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.doors import DOORS, WEBSOCKET, CallOptions, DoorOption
from infra.cli.gap_shown import short, show_call
from infra.cli.output import BAD_INPUT, FAILED, fail, fail_for, out, progress, run_async, warn

if TYPE_CHECKING:
    from infra.bench.attempts import NotMeasured
    from infra.bench.first_call import FirstCalls
    from infra.bench.gap import CallFigures, CallPlan

NEGLIGIBLE_MS = 5


def first_call(
    calls: Annotated[Path, typer.Option("--calls", metavar="DIR", help="A folder with WAVs and a manifest.json.")],
    starts: Annotated[int, typer.Option("--starts", metavar="K", min=1, max=100, help="Starts of a system.")] = 3,
    later: Annotated[int, typer.Option("--later", min=1, max=100, help="Calls after the first of each start.")] = 4,
    rest_s: Annotated[float, typer.Option("--rest", min=0, max=3600, help="Seconds between calls.")] = 3,
    door: DoorOption = WEBSOCKET,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Start the system again and again, and compare the gap of the first call with that of the later ones.

    Each start is a system of the command's own beside the data directory, and begins at another call of the list. Calls
    with a pause are left out. A start that fails is named, and the others follow. Measure on a machine that does
    nothing else.

    For example:

      daredevil bench first-call --calls tests/data/calls --starts 5
    """
    from infra.bench.first_call import as_plain, first_calls
    from infra.bench.gap import read_manifest
    from infra.bench.json_list import BadList

    try:
        plans = [plan for plan in read_manifest(calls) if not plan.pause]
    except BadList as error:
        fail(str(error), BAD_INPUT)
    if not plans:
        fail(f"{calls} has no call without a pause", BAD_INPUT)
    not_measured: list[NotMeasured] = []
    found = run_async(_measured(plans, door, starts, later + 1, rest_s, not_measured))
    figures = first_calls(found)
    if as_json:
        typer.echo(json.dumps(as_plain(found, not_measured), indent=2))
    else:
        _print(figures)
    fail_for(not_measured)
    if not figures.first_ms or not figures.later_median_ms:
        raise typer.Exit(FAILED)


async def _measured(
    plans: "list[CallPlan]",
    door: str,
    starts: int,
    calls: int,
    rest_s: float,
    not_measured: "list[NotMeasured]",
) -> "list[list[CallFigures]]":
    from infra.bench.attempts import attempt
    from infra.bench.first_call import plans_of_start
    from infra.bench.gap import measure
    from infra.cli.system import systems_apart

    found = []
    for start in range(starts):
        name = f"start {start + 1} of {starts}"
        progress(name)
        with attempt(name, not_measured, warn):
            async with systems_apart(DOORS[door].needs) as (system,):
                dial = DOORS[door].here(system.runtime, CallOptions())
                found.append(await measure(dial, plans_of_start(plans, start, calls), show_call, rest_s))
    return found


def _print(figures: "FirstCalls") -> None:
    least_ms, most_ms = figures.later_range_ms
    each = ", ".join(f"{ms:.0f}" for ms in figures.first_ms)
    out().print(
        f"first call after a start: gap median [bold]{figures.first_median_ms:.0f}[/] ms ({each}); later calls: median "
        f"{figures.later_median_ms:.0f} ms ({least_ms:.0f} to {most_ms:.0f}): [bold]{figures.added_ms:+.0f}[/] ms"
    )
    grown = sorted(figures.parts_added_ms.items(), key=lambda part: -part[1])
    told = [f"{short(part)} {ms:+.0f}" for part, ms in grown if abs(ms) >= NEGLIGIBLE_MS]
    out().print(f"  [dim]medians of the parts: {', '.join(told) or 'the same'}[/]")
    out().print(f"  [dim]answered too early: {figures.early}; failed: {figures.failed}[/]")
