"""`daredevil bench gap`: how long the caller waits for an answer, at one door or both."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.doors import DOORS, WEBSOCKET, UrlOption, one_of, open_both_doors, open_door
from infra.cli.output import BAD_INPUT, FAILED, err, fail, out, run_async

if TYPE_CHECKING:
    from infra.bench.gap import CallFigures, CallPlan, GroupFigures
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
    url: UrlOption = None,
) -> None:
    """Place the calls one by one and report how long the caller waited for an answer, and why.

    The gap is from the acoustic end of speech (by the manifest) to the agent's first audible sample. The manifest
    is a list of {"wav", "end_of_speech_sample", "text", "pause"?}; entries with "pause": true have a pause within a
    sentence and are also reported separately. With `--door both` each call is placed at both doors, one right after
    the other, and the difference that the LiveKit door makes is reported.
    """
    from infra.bench.gap import BadManifest, as_json_text, read_manifest

    try:
        plans = read_manifest(calls)
    except BadManifest as error:
        fail(str(error), BAD_INPUT)
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
            _print_group(name, group)
    more = added(pairs)
    out().print(
        f"\nLiveKit adds [bold]{more.added_to_median_ms:.0f}[/] ms to the median gap ({more.first_median_ms:.0f} → "
        f"{more.second_median_ms:.0f} ms), call by call P50 [bold]{more.added_p50_ms:.0f}[/] ms, "
        f"P95 {more.added_p95_ms:.0f} ms, over {more.answered_at_both} of {more.pairs} pairs"
    )
    if not more.answered_at_both:
        raise typer.Exit(FAILED)


def show_call(call: "CallFigures", door: str = "") -> None:
    """Print a call as soon as it has ended."""
    gap_ms = "no answer" if call.gap_ms is None else f"{call.gap_ms:.0f} ms"
    where = f"{door} " if door else ""
    err().print(
        f"{where}{call.wav}: {gap_ms}{' early' if call.early else ''} {call.problem}", style="dim", markup=False
    )


def print_gap(figures: "list[CallFigures]") -> None:
    """Print all calls and their statistics."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from infra.bench.gap import groups
    from infra.bench.statistics import word_error_rate

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    names = list(next((call.parts for call in figures if call.parts), {}))
    table.add_column("call", no_wrap=True)
    for column in ("gap", *(_short(name) for name in names), "turns"):
        table.add_column(column, justify="right")
    table.add_column("", no_wrap=True)
    for call in figures:
        gap_ms = "—" if call.gap_ms is None else f"{call.gap_ms:.0f}"
        parts = [f"{call.parts[name]:.0f}" if name in call.parts else "—" for name in names]
        table.add_row(call.wav, gap_ms, *parts, str(call.turns), "[yellow]early[/]" if call.early else "")
    out().print(table)
    for call in figures:
        if call.problem:
            out().print(f"[red]{call.wav}: {escape(call.problem)}[/]")
        elif word_error_rate([call.text], [call.heard]):
            out().print(f"[dim]{call.wav}:[/] {escape(call.heard)} [dim]for[/] {escape(call.text)}")
    for name, group in groups(figures).items():
        _print_group(name, group)


def _print_group(name: str, group: "GroupFigures") -> None:
    out().print(
        f"[bold]{name}[/]: {group.calls} calls, gap median [bold]{group.median_ms:.0f}[/] ms, "
        f"P95 [bold]{group.p95_ms:.0f}[/] ms, max {group.max_ms:.0f} ms; "
        f"answered too early: [bold]{group.early}[/]; failed: {group.failed}; word error rate: "
        + ("—" if group.word_error_rate is None else f"{group.word_error_rate:.1%}")
    )
    parts = ", ".join(f"{_short(part)} {ms:.0f}" for part, ms in group.parts_median_ms.items())
    out().print(f"  [dim]medians of the parts: {parts}[/]")
    out().print(f"  [dim]the first sound was ready before the turn had ended in {group.waited_for_turn} calls[/]")


def _short(name: str) -> str:
    return name.removesuffix("_ms").replace("_", " ")
