"""`daredevil bench tools`: tools that run once, while processes are killed and callers interrupt."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.output import FAILED, out, progress, run_async

if TYPE_CHECKING:
    from infra.bench.tools import Amounts, ToolFigures


def tools(
    calls: Annotated[int, typer.Option(min=1, help="Turns in which an action is called.")] = 500,
    kills: Annotated[int, typer.Option(min=0, help="How often a process is killed meanwhile.")] = 60,
    interruptions: Annotated[int, typer.Option(min=0, help="Callers who interrupt while an action runs.")] = 200,
    remote: Annotated[bool, typer.Option("--remote", help="Run tools in processes that are killed, too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Kill copies of reasoning while their tools run, let callers interrupt, and compare the log with what was done.

    Runs a log and copies of its own beside the data directory, with a model that takes no time. Exits with 1 if an
    action ran twice, or a result is lost.
    """
    from dataclasses import asdict

    from infra.bench.tools import Amounts

    figures = run_async(_measured(Amounts(calls, kills, interruptions, remote)))
    if as_json:
        typer.echo(json.dumps(asdict(figures), indent=2))
    else:
        _show(figures)
    if not figures.is_good:
        raise typer.Exit(FAILED)


def _show(figures: "ToolFigures") -> None:
    out().print(
        f"[bold]{figures.calls}[/] calls, {figures.kills} kills, {figures.interruptions} interruptions "
        f"in {figures.seconds} s"
    )
    out().print(f"run twice: [bold]{len(figures.run_twice)}[/]  results lost: [bold]{len(figures.lost)}[/]")
    out().print(f"run again with the same key: {figures.again}; not known, and told so: {figures.unknown}")
    out().print(
        f"between two model calls, for a reader that takes no time: {figures.own_ms_p50} ms, "
        f"in 95 of 100 cases at most {figures.own_ms_p95} ms"
    )
    for name, orders in (("run twice", figures.run_twice), ("lost", figures.lost), ("unanswered", figures.unanswered)):
        if orders:
            out().print(f"{name}: {', '.join(orders)}", markup=False)


async def _measured(amounts: "Amounts") -> "ToolFigures":
    import os
    import tempfile
    from pathlib import Path

    from infra.bench.tools import measure_tools
    from infra.settings import settings

    parent = settings().data_dir.absolute()
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=parent) as name:
        return await measure_tools(Path(name), os.environ, amounts, progress)
