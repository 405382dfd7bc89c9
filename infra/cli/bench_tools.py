"""`daredevil bench tools`: tools that run once, while processes are killed and callers interrupt."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.cli.output import FAILED, out, progress, run_async

if TYPE_CHECKING:
    from infra.bench.tools import Amounts, ToolFigures


def tools(
    calls: Annotated[int, typer.Option(min=1, help="Turns in which an action is called.")] = 500,
    kills: Annotated[int, typer.Option(min=0, help="How often a process is killed meanwhile.")] = 60,
    interruptions: Annotated[int, typer.Option(min=0, help="Callers who interrupt while an action runs.")] = 200,
    remote: Annotated[bool, typer.Option("--remote", help="Run tools in processes that are killed, too.")] = False,
    turns: Annotated[int, typer.Option(min=0, help="Turns of conversation tests, with and without a tool.")] = 1000,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Kill copies of reasoning while their tools run, let callers interrupt, and compare the log with what was done.

    Runs a log and copies of its own beside the data directory, with a model that takes no time. Exits with 1 if an
    action ran twice, or a result is lost. First it measures conversation tests, and the import of what an agent is
    written with.
    """
    from dataclasses import asdict, replace

    from infra.bench.tools import Amounts

    development = _development(turns)
    figures = replace(run_async(_measured(Amounts(calls, kills, interruptions, remote))), **development)
    if as_json:
        typer.echo(json.dumps(asdict(figures), indent=2))
    else:
        _show(figures)
        _show_development(turns, figures)
    if not figures.is_good:
        raise typer.Exit(FAILED)


def _development(turns: int) -> dict[str, Any]:
    """Return what tests and imports take: processor time, s and ms."""
    from infra.bench.agent_import import measure_import

    figures: dict[str, Any] = {"import_cpu_ms": round(measure_import(), 1)}
    if turns:
        from infra.bench.tested_conversations import measure

        progress(f"{turns} turns of conversation tests, with and without a tool")
        figures |= {
            "turns_cpu_s": round(measure(turns, with_tool=False).cpu_s, 2),
            "tool_turns_cpu_s": round(measure(turns, with_tool=True).cpu_s, 2),
        }
    return figures


def _show_development(turns: int, figures: "ToolFigures") -> None:
    if turns:
        out().print(
            f"{turns} turns of conversation tests: {figures.turns_cpu_s} s of a core, with a tool in each "
            f"{figures.tool_turns_cpu_s} s"
        )
    out().print(f"import of what an agent is written with: {figures.import_cpu_ms} ms of a core")


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
