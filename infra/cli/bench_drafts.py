"""`daredevil bench drafts`: what answering before the turn has ended costs."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.doors import ANY_LOAD, DOORS, WEBSOCKET, CallOptions
from infra.cli.gap_shown import show_call
from infra.cli.output import BAD_INPUT, FAILED, fail, out, progress, run_async

if TYPE_CHECKING:
    from infra.bench.draft_cost import Block, DraftCost, Side
    from infra.bench.gap import CallPlan
    from infra.cli.system import SystemApart


def drafts(
    calls: Annotated[Path, typer.Option("--calls", metavar="DIR", help="A folder with WAVs and a manifest.json.")],
    first: Annotated[int, typer.Option("--first", metavar="N", min=2, help="Only the first N calls.")] = 1000,
    at_once: Annotated[int, typer.Option("--at-once", metavar="N", min=1, max=200, help="Callers at a time.")] = 1,
    rest_s: Annotated[float, typer.Option("--rest", min=0, max=3600, help="Seconds between calls.")] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Place the calls with drafts and without (DAREDEVIL_SPECULATE), and compare tokens and CPU time per call.

    Runs two systems of its own beside the data directory, both with the settings' engines. Half of the calls are placed
    at the first, all at the second, then the other half at the first; what each uses is counted while it is called.
    Tokens are those of the local model, as its server counts them, also of requests that were broken off.

    For example:

      daredevil bench drafts --calls tests/data/calls --first 12
    """
    from dataclasses import asdict

    from infra.bench.draft_cost import draft_cost
    from infra.bench.gap import read_manifest
    from infra.bench.json_list import BadList

    try:
        plans = read_manifest(calls)[:first]
    except BadList as error:
        fail(str(error), BAD_INPUT)
    if len(plans) < 2:
        fail(f"{calls} has one call only: half of the calls are placed before the others, so give two", BAD_INPUT)
    with_drafts, without = run_async(_measured(plans, at_once, rest_s))
    figures = draft_cost(at_once, with_drafts, without)
    if as_json:
        typer.echo(json.dumps(asdict(figures), indent=2))
    else:
        _print(figures)
    if not figures.with_drafts.turns or not figures.without.turns:
        raise typer.Exit(FAILED)


async def _measured(plans: "list[CallPlan]", at_once: int, rest_s: float) -> "tuple[list[Block], list[Block]]":
    from infra.bench.draft_cost import blocks_of
    from infra.cli.system import systems_apart

    early, late = blocks_of(len(plans))
    on, off = ({**ANY_LOAD, "speculate": each} for each in ("true", "false"))
    async with systems_apart(on, off) as (drafting, waiting):
        begun = await _block(drafting, plans[early], at_once, rest_s, "with drafts")
        without = [await _block(waiting, plans[half], at_once, rest_s, "without drafts") for half in (early, late)]
        return [begun, await _block(drafting, plans[late], at_once, rest_s, "with drafts")], without


async def _block(system: "SystemApart", plans: "list[CallPlan]", at_once: int, rest_s: float, what: str) -> "Block":
    import asyncio

    from infra.bench.at_once import measure_at_once
    from infra.bench.machine_use import machine_use

    progress(f"{len(plans)} calls {what}")
    dial = DOORS[WEBSOCKET].here(system.runtime, CallOptions())
    async with machine_use(system.data_dir, system.runtime.llm_url) as use:
        figures = await measure_at_once(dial, plans, at_once, lambda call: show_call(call, what), rest_s)
        await asyncio.sleep(rest_s)  # the last call's summary counts as well
    return figures, use


def _print(figures: "DraftCost") -> None:
    for name, side in (("with drafts", figures.with_drafts), ("without", figures.without)):
        _print_side(name, side)
    out().print(
        f"with drafts a call takes, against without: CPU time {_times(figures.cpu)}; tokens of the local model "
        f"{_times(figures.tokens)} (read {_times(figures.tokens_read)}, written {_times(figures.tokens_written)})",
        highlight=False,
    )


def _print_side(name: str, side: "Side") -> None:
    out().print(
        f"[bold]{name}[/]: {side.calls} calls, {side.turns} turns, gap median [bold]{side.median_ms:.0f}[/] ms, P95 "
        f"{side.p95_ms:.0f} ms; answered too early: [bold]{side.early}[/]; failed: {side.failed}"
    )
    read, written = (
        "not known" if tokens is None else f"{tokens:.0f}"
        for tokens in (side.tokens_read_per_call, side.tokens_written_per_call)
    )
    most = sorted(side.cpu_s_per_call_of.items(), key=lambda part: -part[1])[:4]
    named = ", ".join(f"{part} {cpu_s:.2f}" for part, cpu_s in most)
    out().print(f"  a call: {side.cpu_s_per_call:.2f} s of CPU ({named}); tokens read {read}, written {written}")
    use = side.drafts
    told = "" if use.waste is None else f"; tokens written {use.waste:.2f} times those of the replies that were kept"
    out().print(f"  drafts begun {use.started}, discarded {use.discarded}{told}")


def _times(multiple: float | None) -> str:
    return "unknown" if multiple is None else f"{multiple:.2f} times"
