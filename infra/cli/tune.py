"""`daredevil tune`: settings proposed from conversations."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.output import BAD_INPUT, FAILED, check_target, err, fail, out, progress, run_async, warn

if TYPE_CHECKING:
    from infra.bench.turn_events import TurnEvent

FEW_PAUSES = 50
"""With fewer, the 5 % that `balanced` may answer are two pauses or none."""

app = typer.Typer(no_args_is_help=True, help="Propose settings from conversations.")


@app.callback()
def tune() -> None:
    """Propose settings from conversations."""


@app.command()
def turns(
    since: Annotated[
        str | None, typer.Option(metavar="AGE", help="The log's conversations of the last 30d, 12h.")
    ] = None,
    calls: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Place the calls of a folder with a manifest.json first, and use those."),
    ] = None,
    events: Annotated[
        Path | None, typer.Option(metavar="DIR|FILE", help="Labelled pauses, as `bench turns` takes them.")
    ] = None,
    to: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write the weights to this file.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Fit the weights that decide when a turn is over to your own conversations, and propose settings.

    In the log it is seen what became of each silence: the caller went on, or did not. The weights are fitted to that,
    and thresholds are chosen for each patience by scores of callers that were held out. The curve shows how many ends
    are answered at once for how many pauses that are cut. Nothing is changed: set what is proposed yourself.

    For example:

      daredevil tune turns --since 30d --out weights.json

      DAREDEVIL_PATIENCE=balanced DAREDEVIL_TURN_WEIGHTS_FILE=weights.json daredevil run
    """
    from infra.bench.turn_fit import TooFewEvents
    from infra.bench.turns import refitted, turns_figures
    from infra.cli.turn_sets import read_weights

    try:
        if to is not None:
            check_target(to)
        before = read_weights(None)
        found = run_async(_events(since, calls, events))
        after = refitted(found, before, _source(found))
        figures = turns_figures(found, before), turns_figures(found, after)
        if to is not None:
            _write(to, after.as_json())
    except TooFewEvents as error:
        fail(f"{error}: `daredevil bench turns` measures the weights in force", FAILED)
    except (ValueError, LookupError) as error:
        fail(str(error), BAD_INPUT)
    if (pauses := sum(event.is_mid_pause for event in found)) < FEW_PAUSES:
        warn(f"thresholds by {pauses} pauses are much chance: some hundred turns make them better")
    if as_json:
        weights = json.loads(after.as_json())
        typer.echo(json.dumps({"weights": weights, "before": asdict(figures[0]), "after": asdict(figures[1])}))
        return
    from infra.cli.bench_turns import print_figures

    out().print("[bold]with the weights in force[/]")
    print_figures(figures[0], with_curve=False)
    out().print("\n[bold]with weights fitted to these silences[/]")
    print_figures(figures[1])
    err().print("\nDAREDEVIL_TURN_WEIGHTS:")
    typer.echo(after.as_json())


async def _events(since: str | None, calls: Path | None, events: Path | None) -> "list[TurnEvent]":
    from infra.cli.turn_sets import of_calls, scored, scored_events

    if sum(each is not None for each in (since, calls, events)) != 1:
        raise ValueError("which conversations? Give one of --since AGE, --calls DIR, --events DIR")
    if calls is not None:
        return await scored(await of_calls(calls))
    return await scored_events(events, since)


def _source(events: "list[TurnEvent]") -> str:
    ends, pauses = sum(event.is_end for event in events), sum(event.is_mid_pause for event in events)
    speakers = len({event.speaker for event in events})
    return f"{ends} ends and {pauses} pauses of {speakers} speakers, by `daredevil tune turns`"


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise ValueError(f"--out {path}: {error.strerror}") from error
    progress(f"wrote {path}: set DAREDEVIL_TURN_WEIGHTS_FILE={path} to use them")
