"""`daredevil projections`: how far tables and topics are behind the log, whether they agree, and rebuilding them."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from infra.cli.output import BAD_INPUT, FAILED, err, fail, out, progress, run_async, warn

if TYPE_CHECKING:
    from nats.aio.client import Client

    from infra.projection import Projection, Rebuilt
    from projections.status import Status

CATCH_UP_S = 600.0

app = typer.Typer(
    invoke_without_command=True,
    help="""The copies of the log: how far they are behind it, whether they agree with it, and rebuilding them.

Examples:

  daredevil projections

  daredevil projections verify

  daredevil projections rebuild postgres
""",
)

Json = Annotated[bool, typer.Option("--json", help="One JSON object per line.")]


@app.callback()
def projections(context: typer.Context, as_json: Json = False) -> None:
    """Show each projection's position, lag, rate and errors, if no command is given."""
    if context.invoked_subcommand is None:
        _show(run_async(_statuses()), as_json)


@asynccontextmanager
async def _log() -> "AsyncIterator[Client]":
    """Yield a connection to the running log; if there is none, start the log and its projections for the block."""
    from infra.cli.system import LogEmpty, log_connection
    from infra.runtime import read_runtime
    from infra.settings import settings

    config = settings()
    if config.nats_url or read_runtime(config.data_dir) is not None:
        async with log_connection() as nc:
            yield nc
        return
    if not (config.data_dir / "nats" / "jetstream").exists():
        raise LogEmpty(f"there is no log in {config.data_dir.absolute()} yet: `daredevil run`, then talk to it")
    async with _own_projections() as nc:
        yield nc


@asynccontextmanager
async def _own_projections() -> "AsyncIterator[Client]":
    import nats

    from infra.settings import settings
    from infra.system.parts import keepers
    from infra.system.supervisor import Supervisor

    progress("nothing is running here: starting the log and its projections for this command")
    supervisor = Supervisor(settings().model_copy(update={"port": 0}), warn=warn, parts=keepers(settings()))
    await supervisor.start()
    try:
        nc = await nats.connect(supervisor.addresses.nats_url, max_reconnect_attempts=1)
        try:
            await _caught_up(nc)
            yield nc
        finally:
            await nc.close()
    finally:
        await supervisor.stop()


async def _caught_up(nc: "Client") -> None:
    """Wait until every projection that is switched on is live, or reports that it cannot be."""
    from infra.settings import settings
    from projections.status import ask_status

    deadline, told = time.monotonic() + CATCH_UP_S, ""
    for row in _rows():
        while row.enabled(settings()) and time.monotonic() < deadline:
            answers = await ask_status(nc, row.process)
            if answers and answers[0].state in ("live", "stopped"):
                break
            now = f"{row.process}: {answers[0].state} {answers[0].reason}" if answers else f"{row.process}: starting"
            if now != told:
                progress(now)
                told = now
            await asyncio.sleep(0.1)


def _rows() -> "list[Projection]":
    """Return the rows of all projections; ends the command if the settings name one that does not exist."""
    from infra.projection import UnknownProjection, projections
    from infra.settings import settings

    try:
        return projections(settings())
    except UnknownProjection as error:
        fail(str(error), BAD_INPUT)


async def _statuses() -> "list[Status]":
    from infra.cli.system import LogEmpty
    from infra.settings import settings
    from projections.status import Status, ask_status, log_end

    rows = _rows()
    try:
        async with _log() as nc:
            end = await log_end(nc)
            answers = await asyncio.gather(*(ask_status(nc, row.process) for row in rows))
    except LogEmpty as nothing:
        err().print(str(nothing), markup=False)
        return []
    statuses = []
    for row, copies in zip(rows, answers, strict=True):
        state = "not running" if row.enabled(settings()) else "off"
        statuses += copies or [Status(row.process, state, log_end=end)]
    return statuses


def _show(statuses: "list[Status]", as_json: bool) -> None:
    if as_json:
        for status in statuses:
            typer.echo(json.dumps({**asdict(status), "lag": status.lag}))
        return
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("projection", "state", "position", "log", "lag", "events/s", "errors"):
        justify: Literal["left", "right"] = "left" if column in ("projection", "state") else "right"
        table.add_column(column, justify=justify, no_wrap=True)
    colours = {"live": "green", "stopped": "bold red", "waiting": "yellow", "not running": "yellow"}
    for status in statuses:
        state = f"[{colours.get(status.state, 'default')}]{status.state}[/]"
        figures = (status.position, status.log_end, status.lag, status.events_per_s, status.errors)
        known = status.state not in ("off", "not running")
        table.add_row(status.name, state, *(str(figure) if known else "—" for figure in figures))
    out().print(table)
    for status in statuses:
        for text in (status.reason, status.last_error and f"last error: {status.last_error}"):
            if text:
                out().print(f"[bold]{status.name}[/]: {escape(text)}")


@dataclass(frozen=True, slots=True)
class Verified:
    """How one projection compares with the log."""

    projection: str
    differences: list[str]
    seconds: float


@app.command()
def verify(as_json: Json = False) -> None:
    """Compare the log with the tables (and the topics) event by event; exits with 1 if they disagree."""
    from infra.cli.system import LogEmpty

    try:
        found = run_async(_verify())
    except LogEmpty as nothing:
        fail(str(nothing), BAD_INPUT)
    for one in found:
        if as_json:
            typer.echo(json.dumps({**asdict(one), "agrees": not one.differences}))
            continue
        for line in one.differences:
            out().print(f"{one.projection}: {line}", markup=False)
    if any(one.differences for one in found):
        raise typer.Exit(FAILED)


async def _verify() -> list[Verified]:
    from infra.settings import settings

    verified: list[Verified] = []
    rows = [row for row in _rows() if row.enabled(settings())]
    async with _log() as nc:
        for row in rows:
            began_s = time.monotonic()
            found = await row.verify(settings(), nc)
            seconds = round(time.monotonic() - began_s, 3)
            verified.append(Verified(row.process, found, seconds))
            verdict = f"{len(found)} differences" if found else "agrees with the log"
            err().print(f"{row.process}: {verdict} ({seconds:.1f} s)", markup=False)
    return verified


@app.command()
def rebuild(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Which one, such as `postgres`.")],
    drop_lost: Annotated[
        bool, typer.Option("--drop-lost", help="Ignore rows whose facts are no longer in the log.")
    ] = False,
) -> None:
    """Rebuild a projection from the log; `postgres` builds new tables beside the old ones, compares and swaps them.

    Calls, readers and the running projection continue meanwhile.
    """
    from infra.cli.system import LogEmpty

    try:
        result = run_async(_rebuild(_rebuildable(name), drop_lost))
    except LogEmpty as nothing:
        fail(str(nothing), BAD_INPUT)
    rate = result.events / result.seconds if result.seconds else 0
    out().print(f"rebuilt from {result.events} events in [bold]{result.seconds:.1f}[/] s ({rate:.0f}/s)")
    for table, difference in result.differences.items():
        if difference:
            out().print(
                f"  {table}: {difference.changed} rows corrected, {difference.only_new} added, "
                f"{difference.only_old} that the log does not have removed"
            )
    if result.errors:
        warn(f"{result.errors} facts could not be stored correctly; the last error: {result.last_error}")


def _rebuildable(name: str) -> "Projection":
    """Return the row of this name; ends the command if it cannot be rebuilt, or not now."""
    from infra.settings import settings

    rows = _rows()
    able = ", ".join(f"`{row.name}`" for row in rows if row.rebuild is not None)
    row = next((row for row in rows if row.name == name), None)
    if row is None:
        fail(f"there is no projection {name}: the projections that can be rebuilt are {able}", BAD_INPUT)
    if row.rebuild is None:
        fail(f"this command cannot rebuild {name}, only {able}: see docs/keeping.md", BAD_INPUT)
    if not row.enabled(settings()):
        fail(f"projection {name} is switched off: `daredevil projections` lists those that are on", BAD_INPUT)
    return row


async def _rebuild(row: "Projection", drop_lost: bool) -> "Rebuilt":
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from infra.projection import NotRebuilt
    from infra.settings import settings

    assert row.rebuild is not None
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    async with _log() as nc:
        with Progress(*columns, console=err(), transient=True) as bars:
            bar = bars.add_task("building", total=None)

            def tell(what: str, done: int, total: int) -> None:
                bars.update(bar, description=what, completed=done, total=total or None)

            try:
                return await row.rebuild(settings(), nc, tell, drop_lost)
            except NotRebuilt as error:
                fail(str(error))
