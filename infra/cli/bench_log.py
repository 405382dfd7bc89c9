"""`daredevil bench log`: facts a second, in one or several partitions, on one server or a cluster."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.output import fail_for, out, progress, run_async, warn

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.bench.log_rate import LogRateFigures, LogRateRun


def log(
    partitions: Annotated[
        list[int] | None, typer.Option(min=1, max=64, help="Partitions of the log; give it several times.")
    ] = None,
    servers: Annotated[
        list[int] | None, typer.Option(min=1, max=5, help="Servers of a cluster; each keeps every fact.")
    ] = None,
    writers: Annotated[int, typer.Option(min=1, max=2000, help="Conversations that append at once.")] = 64,
    seconds: Annotated[float, typer.Option(min=1, max=300, help="How long each is measured.")] = 10,
    folder: Annotated[
        Path | None, typer.Option(help="Where the servers keep their data: which disk is measured.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Store generated facts as fast as it goes, with every fact synced to the disk before it counts.

    Runs NATS servers of its own, on this machine alone: three servers share its disk and its cores. docs/scale.md says
    what the figures mean for many calls. Each arrangement is printed when it has been measured; one that fails is
    named, and the others follow. Exits with 1 if one has failed.

    Examples:
      daredevil bench log

      daredevil bench log --partitions 1 --partitions 8 --servers 3 --writers 256

    """
    show = _silent if as_json else _print
    figures = run_async(_log(partitions or [1, 4, 8], servers or [1, 3], writers, seconds, folder, show))
    if as_json:
        typer.echo(json.dumps(asdict(figures), indent=2))
    fail_for(figures.not_measured)


def _silent(_: "LogRateRun") -> None:
    return


def _print(run: "LogRateRun") -> None:
    out().print(
        f"{_arrangement(run.servers, run.partitions)}: [bold]{run.facts_per_s:,.0f}[/] facts/s, "
        f"P50 {run.p50_ms:.1f} ms, P99 {run.p99_ms:.1f} ms, {run.fact_bytes:.0f} bytes a fact; "
        f"CPU of servers {run.server_cpu:.0%} of a core, of writers {run.writer_cpu:.0%}"
    )


def _arrangement(servers: int, partitions: int) -> str:
    of = "1 server" if servers == 1 else f"{servers} servers"
    return f"{of}, {'1 partition' if partitions == 1 else f'{partitions} partitions'}"


async def _log(
    partitions: list[int],
    servers: list[int],
    writers: int,
    seconds: float,
    folder: Path | None,
    show: "Callable[[LogRateRun], None]",
) -> "LogRateFigures":
    from tempfile import TemporaryDirectory

    from infra.bench.attempts import attempt
    from infra.bench.log_rate import LogRateFigures, measure_log_rate

    figures = LogRateFigures()
    for count in servers:
        for number in partitions:
            what = _arrangement(count, number)
            progress(what)
            with attempt(what, figures.not_measured, warn), TemporaryDirectory(dir=folder, prefix="bench-log-") as own:
                figures.runs.append(await measure_log_rate(Path(own), count, number, writers, seconds))
                show(figures.runs[-1])
    return figures
