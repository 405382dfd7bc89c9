"""`daredevil bench log`: facts a second, in one or several partitions, on one server or a cluster."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.output import out, progress, run_async

if TYPE_CHECKING:
    from infra.bench.log_rate import LogRateRun


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
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line.")] = False,
) -> None:
    """Store generated facts as fast as it goes, with every fact synced to the disk before it counts.

    Runs NATS servers of its own, on this machine alone: three servers share its disk and its cores. docs/scale.md says
    what the figures mean for many calls.

    Examples:
      daredevil bench log

      daredevil bench log --partitions 1 --partitions 8 --servers 3 --writers 256

    """
    for run in run_async(_log(partitions or [1, 4, 8], servers or [1, 3], writers, seconds, folder)):
        typer.echo(json.dumps(asdict(run))) if as_json else _print(run)


def _print(run: "LogRateRun") -> None:
    of = "1 server" if run.servers == 1 else f"{run.servers} servers"
    spread = "1 partition" if run.partitions == 1 else f"{run.partitions} partitions"
    out().print(
        f"{of}, {spread}: [bold]{run.facts_per_s:,.0f}[/] facts/s, P50 {run.p50_ms:.1f} ms, "
        f"P99 {run.p99_ms:.1f} ms, {run.fact_bytes:.0f} bytes a fact; "
        f"CPU of servers {run.server_cpu:.0%} of a core, of writers {run.writer_cpu:.0%}"
    )


async def _log(
    partitions: list[int], servers: list[int], writers: int, seconds: float, folder: Path | None
) -> "list[LogRateRun]":
    from tempfile import TemporaryDirectory

    from infra.bench.log_rate import measure_log_rate

    runs = []
    for count in servers:
        for number in partitions:
            progress(f"{count} servers, {number} partitions")
            with TemporaryDirectory(dir=folder, prefix="bench-log-") as own:
                runs.append(await measure_log_rate(Path(own), count, number, writers, seconds))
    return runs
