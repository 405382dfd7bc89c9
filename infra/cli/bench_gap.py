"""`daredevil bench gap`: how long the caller waits for an answer, at one door or both."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli import bench_at_once
from infra.cli.doors import DOORS, WEBSOCKET, UrlOption, one_of, open_both_doors, open_door
from infra.cli.gap_shown import print_gap, print_group, show_call
from infra.cli.output import BAD_INPUT, FAILED, fail, out, run_async

if TYPE_CHECKING:
    from infra.bench.gap import CallFigures, CallPlan
    from infra.bench.paired import Pair


BOTH = "both"


def gap(
    calls: Annotated[Path, typer.Option("--calls", metavar="DIR", help="A folder with WAVs and a manifest.json.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    rest_s: Annotated[
        float, typer.Option("--rest", min=0, max=3600, help="Seconds between calls, to write a summary.")
    ] = 3,
    door: Annotated[
        str,
        typer.Option(
            metavar="|".join((*DOORS, BOTH)),
            callback=one_of((*DOORS, BOTH)),
            help="Where to call; `both` pairs the calls and reports the difference.",
        ),
    ] = WEBSOCKET,
    at_once: Annotated[
        list[int] | None,
        typer.Option(
            "--at-once", metavar="N", min=2, max=200, help="Then with N callers at the same time; may be repeated."
        ),
    ] = None,
    url: UrlOption = None,
) -> None:
    """Place the calls one by one and report how long the caller waited for an answer, and why.

    The gap is from the acoustic end of speech (by the manifest) to the agent's first audible sample. The manifest
    is a list of {"wav", "end_of_speech_sample", "text", "pause"?}; entries with "pause": true have a pause within a
    sentence and are also reported separately. With `--door both` each call is placed at both doors, one right after
    the other, and the difference that the LiveKit door makes is reported.

    With `--at-once N` the calls are placed one at a time first, then by N callers at the same time. Each goes through
    all calls, beginning at another one; they begin one after the other, spread over the length of an utterance, so that
    they do not all stop speaking at the same moment. Reported are the gap and the answers that came too early, which
    parts grew, what each process used of the CPU, and what saturated. Measure on a machine that does nothing else.

    For example:

      daredevil bench gap --calls tests/data/calls

      daredevil bench gap --calls tests/data/calls --at-once 2 --at-once 4
    """
    from infra.bench.gap import as_json_text, read_manifest
    from infra.bench.json_list import BadList

    try:
        plans = read_manifest(calls)
    except BadList as error:
        fail(str(error), BAD_INPUT)
    if at_once:
        if door == BOTH or url is not None:
            fail("--at-once calls one door of the system on this machine: leave out --url, and --door both", BAD_INPUT)
        bench_at_once.at_once(plans, door, at_once, rest_s, as_json)
        return
    if door == BOTH:
        if url is not None:
            fail("--door both calls the system on this machine: leave --url out", BAD_INPUT)
        _show_pairs(run_async(_pairs(plans, rest_s)), as_json)
        return
    figures = run_async(_gap(door, url, plans, rest_s))
    if as_json:
        typer.echo(as_json_text(figures))
    else:
        print_gap(figures)
    if all(call.problem for call in figures):
        raise typer.Exit(FAILED)


async def _gap(door: str, url: str | None, plans: "list[CallPlan]", rest_s: float) -> "list[CallFigures]":
    from infra.bench.gap import measure

    async with open_door(door, url) as dial:
        return await measure(dial, plans, show_call, rest_s)


async def _pairs(plans: "list[CallPlan]", rest_s: float) -> "list[Pair]":
    from infra.bench.paired import measure_pairs

    async with open_both_doors() as (websocket, livekit):
        return await measure_pairs(
            websocket,
            livekit,
            plans,
            lambda call: show_call(call, "websocket"),
            lambda call: show_call(call, "livekit"),
            rest_s,
        )


def _show_pairs(pairs: "list[Pair]", as_json: bool) -> None:
    from infra.bench.gap import groups
    from infra.bench.paired import added, as_json_text

    if as_json:
        typer.echo(as_json_text(pairs))
        return
    for door, figures in (("websocket", [one for one, _ in pairs]), ("livekit", [two for _, two in pairs])):
        out().print(f"\n[bold]at the {door} door[/]")
        for call in figures:
            if call.problem:
                out().print(f"{call.wav}: {call.problem}", style="red", markup=False)
        for name, group in groups(figures).items():
            print_group(name, group)
    more = added(pairs)
    out().print(
        f"\nLiveKit adds [bold]{more.added_to_median_ms:.0f}[/] ms to the median gap ({more.first_median_ms:.0f} → "
        f"{more.second_median_ms:.0f} ms), call by call P50 [bold]{more.added_p50_ms:.0f}[/] ms, "
        f"P95 {more.added_p95_ms:.0f} ms, over {more.answered_at_both} of {more.pairs} pairs"
    )
    if not more.answered_at_both:
        raise typer.Exit(FAILED)
