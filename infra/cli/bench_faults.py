"""`daredevil bench kills` and `bench outage`: projections under faults, and whether they agree with the log after."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from infra.cli.output import FAILED, out, progress, run_async

if TYPE_CHECKING:
    from infra.bench.kills import KillFigures
    from infra.bench.outage import OutageFigures
    from infra.bench.under_test import UnderTest

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Which = Annotated[Literal["pulsar", "postgres"], typer.Option("--projection", help="Which one.")]
"""Projections whose servers can be started here; see `infra.bench.own_servers`."""


def kills(
    projection: Which = "postgres",
    facts: Annotated[int, typer.Option(min=100, max=2_000_000, help="Generated facts that flow meanwhile.")] = 100_000,
    times: Annotated[int, typer.Option("--kills", min=1, help="How many copies are killed.")] = 50,
    as_json: Json = False,
) -> None:
    """Kill a projection with SIGKILL at random times while facts flow, then compare it with the log event by event.

    Runs a log, a server and a projection of its own beside the data directory. Exits with 1 if they disagree.
    """
    figures = run_async(_kills(projection, facts, times))
    if as_json:
        typer.echo(json.dumps(asdict(figures), indent=2))
    else:
        out().print(
            f"{figures.projection}: killed [bold]{figures.kills}[/] times while {figures.facts} facts flowed, "
            f"{figures.behind} times with facts not yet stored ({figures.seconds} s)"
        )
    _show(figures.differences, as_json)


def outage(
    projection: Which = "pulsar",
    seconds: Annotated[float, typer.Option("--down", min=1, max=86_400, help="Seconds that its server is down.")] = 600,
    rate: Annotated[int, typer.Option(min=10, help="Facts per second meanwhile.")] = 50,
    as_json: Json = False,
) -> None:
    """Stop a projection's server while facts flow, start it again, then compare with the log event by event.

    Runs a log, a server and a projection of its own beside the data directory. Pulsar is killed, Postgres is shut down
    in immediate mode. Exits with 1 if they disagree.
    """
    figures = run_async(_outage(projection, seconds, rate))
    if as_json:
        typer.echo(json.dumps(asdict(figures), indent=2))
    else:
        out().print(
            f"{figures.projection}: its server was down for [bold]{figures.down_s}[/] s, in which "
            f"{figures.facts_while_down} facts arrived; caught up [bold]{figures.caught_up_s}[/] s after it was back"
        )
        out().print(f"status meanwhile: {figures.state}: {figures.reason}", markup=False)
    _show(figures.differences, as_json)


def _show(differences: list[str], as_json: bool) -> None:
    if not as_json:
        for line in differences:
            out().print(line, markup=False)
        out().print(f"{len(differences)} differences" if differences else "agrees with the log, event by event")
    if differences:
        raise typer.Exit(FAILED)


async def _kills(projection: str, facts: int, times: int) -> "KillFigures":
    from infra.bench.kills import measure_kills

    async with _under_test(projection) as tested:
        return await measure_kills(tested, facts, times, progress)


async def _outage(projection: str, seconds: float, rate: int) -> "OutageFigures":
    from infra.bench.outage import measure_outage

    async with _under_test(projection) as tested:
        return await measure_outage(tested, seconds, rate, progress)


@asynccontextmanager
async def _under_test(projection: str) -> "AsyncIterator[UnderTest]":
    import os
    import tempfile

    from infra.bench.own_servers import kind_of
    from infra.bench.under_test import under_test
    from infra.settings import settings

    parent = settings().data_dir.absolute()
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=parent) as name:
        folder = Path(name)
        kind = kind_of(projection, folder)
        async with under_test(kind, folder, os.environ) as tested:
            yield tested
