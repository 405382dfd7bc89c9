"""`daredevil bench tapes`: what recording tapes for replays costs a call."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.doors import DOORS, WEBSOCKET, CallOptions
from infra.cli.gap_shown import show_call
from infra.cli.output import BAD_INPUT, FAILED, fail, out, run_async

if TYPE_CHECKING:
    from infra.bench.gap import CallPlan
    from infra.bench.journal import JournalFigures
    from infra.bench.paired import Pair

WITHOUT, WITH = "without tapes", "with tapes"


def tapes(
    calls: Annotated[Path, typer.Option("--calls", metavar="DIR", help="A folder with WAVs and a manifest.json.")],
    first: Annotated[int, typer.Option("--first", metavar="N", min=1, help="Only the first N calls.")] = 1000,
    rest_s: Annotated[float, typer.Option("--rest", min=0, help="Seconds between calls, to write a summary.")] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Place each call twice, at a system that records tapes and at one that does not, and compare the gaps.

    Runs two systems of its own beside the data directory, side by side, both with the settings' engines. The two calls
    of a pair follow each other, and which comes first alternates. Also reports what the tapes weigh, and the CPU time
    of writing them. Measure on a machine that does nothing else.

    For example:

      daredevil bench tapes --calls tests/data/calls
    """
    from dataclasses import asdict

    from infra.bench.gap import read_manifest
    from infra.bench.json_list import BadList
    from infra.bench.tapes_cost import tapes_cost

    try:
        plans = read_manifest(calls)[:first]
    except BadList as error:
        fail(str(error), BAD_INPUT)
    pairs, weight = run_async(_measured(plans, rest_s))
    cost = tapes_cost(pairs)
    if as_json:
        both = [{"without": asdict(one), "with": asdict(two)} for one, two in pairs]
        typer.echo(json.dumps({**asdict(cost), "tapes": asdict(weight), "calls": both}, indent=2))
    else:
        for line in (*cost.lines(), *weight.lines()[:3]):
            out().print(line, markup=False)
    if not cost.answered_by_both:
        raise typer.Exit(FAILED)


async def _measured(plans: "list[CallPlan]", rest_s: float) -> "tuple[list[Pair], JournalFigures]":
    import nats

    from infra.bench.corpus import settle
    from infra.bench.journal import journal_figures
    from infra.bench.paired import measure_pairs
    from infra.bench.tapes_cost import sessions_with_tapes
    from infra.cli.system import systems_apart
    from infra.settings import Settings, settings

    door = DOORS[WEBSOCKET]
    most_mb = settings().journal_max_mb or Settings.model_fields["journal_max_mb"].default
    async with systems_apart({"journal_max_mb": "0"}, {"journal_max_mb": str(most_mb)}) as (plain, taped):
        without, recording = plain.runtime, taped.runtime
        pairs = await measure_pairs(
            door.here(without, CallOptions()),
            door.here(recording, CallOptions()),
            plans,
            lambda call: show_call(call, WITHOUT),
            lambda call: show_call(call, WITH),
            rest_s,
        )
        await settle(recording.nats_url)
        nc = await nats.connect(recording.nats_url)
        try:
            return pairs, await journal_figures(nc, sessions_with_tapes(pairs))
        finally:
            await nc.close()
