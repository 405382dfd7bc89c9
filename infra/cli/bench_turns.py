"""`daredevil bench turns`: what the policy for the end of a turn does to labelled pauses."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.cli.output import BAD_INPUT, check_target, err, fail, out, progress, run_async

if TYPE_CHECKING:
    from infra.bench.turn_events import TurnEvent
    from infra.bench.turns import Interval, PolicyFigures, TurnsFigures


LOG_AGE = "30d"


def turns(
    events: Annotated[
        Path | None,
        typer.Option("--events", metavar="DIR|FILE", help="Labelled pauses: a folder with events.json, or that file."),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--log",
            metavar="AGE",
            help="The log's own conversations of the last 30d, 12h.",
            show_default=f"{LOG_AGE} without --events",
        ),
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Weights of `daredevil tune turns`, instead of those in force.")
    ] = None,
    keep: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the events with the model's probabilities to this file.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Report how long ends of turns wait, and how many pauses are answered, by each patience; and the curve.

    An event is {"id", "spk", "src", "label", "place", "text"}: a silence after somebody's words, 1 if it ended their
    turn, 0 for a pause ("place": "mid" within a sentence, "sent" after one). "end_probability" is what the language
    model says about the words; events without it are scored by the local model first. "pauses" are the places in the
    text of earlier pauses, "gap_ms" is how long the pause really was. Sound is not needed: text decides.

    Figures "held out" are of weights and thresholds that were chosen without the speaker. Intervals are the middle
    90 % over draws of speakers.

    For example:

      daredevil bench turns

      daredevil bench turns --log 12h

      daredevil bench turns --events /data/turns --keep /data/turns/scored.json
    """
    from infra.bench.turns import turns_figures
    from infra.cli.turn_sets import read_weights, scored_events

    try:
        fit = read_weights(weights)
        if keep is not None:
            check_target(keep, option="--keep")
        since = LOG_AGE if events is None and since is None else since
        found = run_async(scored_events(events, since, "--log"))
        if keep is not None:
            _write(keep, found)
        figures = turns_figures(found, fit)
    except (ValueError, LookupError) as error:
        fail(str(error), BAD_INPUT)
    if as_json:
        typer.echo(json.dumps(asdict(figures)))
        return
    progress(f"weights: {fit.source or 'without a source'}")
    print_figures(figures)


def _write(path: Path, events: "list[TurnEvent]") -> None:
    from infra.bench.turn_events import as_plain

    try:
        path.write_text(json.dumps([as_plain(event) for event in events], indent=0) + "\n", encoding="utf-8")
    except OSError as error:
        raise ValueError(f"--keep {path}: {error.strerror}") from error
    err().print(f"wrote {path}", markup=False)


def print_figures(figures: "TurnsFigures", with_curve: bool = True) -> None:
    """Print the table of policies, and the curve as text."""
    out().print(
        f"[bold]{figures.events}[/] silences of {figures.speakers} speakers, {figures.scored} scored by the model"
    )
    if figures.area is not None:
        out().print(
            f"area under the curve, ends against pauses within a sentence: [bold]{_interval(figures.area)}[/] "
            f"(its probability alone {figures.end_probability_area:.3f})"
        )
    else:
        out().print("too few ends and pauses to hold speakers out: the table shows the weights in force")
    head = ("", "ends", "pauses", "at once", "median", "mean", "P90", "cut 0.6 s", "1.0 s", "real", "after sentence")
    rows: list[tuple[Any, ...]] = []
    for patience, each in figures.policies.items():
        rows.append((patience, *_row(each)))
    for patience, each in figures.held_out.items():
        rows.append((f"{patience}, held out", *_row(each)))
    for kind, policies in figures.kinds.items():
        rows += [
            (f"{kind or 'no source'}: {patience}", *_row(each))
            for patience, each in policies.items()
            if patience == "balanced"
        ]
    _table(head, rows)
    err().print(
        "[dim]ends: at once after the shortest silence, and how long all wait (ms); pauses: how many are cut, that is "
        "answered, if they last 0.6 or 1.0 s, or as long as they really were, and after a whole sentence (0.6 s)[/]"
    )
    for share, interval in figures.at_once.items():
        out().print(f"ends committed at once with {share} of the pauses cut: [bold]{_interval(interval)}[/]")
    if with_curve and figures.curve:
        print_curve(figures)


def print_curve(figures: "TurnsFigures") -> None:
    """Print the curve: a bar of ends committed at once for each share of pauses cut."""
    out().print("\n[bold]pauses cut   ends committed at once[/] (held out)")
    for point in figures.curve:
        bar = "█" * round(40 * point.ends_at_once)
        out().print(f"{point.pauses_cut:9.1%}   {bar:40} {point.ends_at_once:6.1%}   score ≥ {point.threshold:g}")


def _row(each: "PolicyFigures") -> tuple[str, ...]:
    waits = f"{each.at_once:.0%}", f"{each.median_ms:.0f}", f"{each.mean_ms:.0f}", f"{each.p90_ms:.0f}"
    cuts = f"{each.cut_600:.1%}", f"{each.cut_1000:.1%}"
    return (
        str(each.ends),
        str(each.pauses),
        *(waits if each.ends else ("—",) * len(waits)),
        *(cuts if each.pauses else ("—",) * len(cuts)),
        "—" if each.cut_real is None else f"{each.cut_real:.1%}",
        "—" if each.cut_sentence_600 is None else f"{each.cut_sentence_600:.0%}",
    )


def _table(head: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for place, column in enumerate(head):
        table.add_column(column, justify="left" if place == 0 else "right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    out().print(table)


def _interval(interval: "Interval") -> str:
    return f"{interval.value:.2f} [{interval.low:.2f} to {interval.high:.2f}]".replace("[", "\\[")
