"""`daredevil bench`: figures of this machine."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.bench_faults import kills, outage
from infra.cli.output import BAD_INPUT, FAILED, err, fail, out, progress, run_async

if TYPE_CHECKING:
    from infra.bench.bus import BusFigures
    from infra.bench.gap import CallFigures, CallPlan, GroupFigures
    from infra.bench.idle import IdleFigures
    from infra.bench.memory import MemoryFigures
    from projections.postgres.bench import PostgresFigures

app = typer.Typer(
    no_args_is_help=True,
    help="""Measure this machine: the gap before an answer, what the log adds, what idling costs, and
    how fast the tables follow.

Examples:

  daredevil bench gap --calls tests/data/calls

  daredevil bench bus

  daredevil bench idle

  daredevil bench projections

  daredevil bench memory

  daredevil bench kills --projection postgres

  daredevil bench outage --projection pulsar
""",
)
app.command()(kills)
app.command()(outage)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command()
def gap(
    calls: Annotated[Path, typer.Option("--calls", metavar="DIR", help="A folder with WAVs and a manifest.json.")],
    as_json: Json = False,
    rest_s: Annotated[float, typer.Option("--rest", min=0, help="Seconds between calls: the last one's summary.")] = 3,
    url: Annotated[str | None, typer.Option(help="The door to call; else the one running here.")] = None,
) -> None:
    """Place the calls one by one and tell how long the caller waited for an answer, and why.

    The gap is from the acoustic end of speech (by the manifest) to the first agent sample that is not silent. The
    manifest is a list of {"wav", "end_of_speech_sample", "text", "pause"?}; entries with "pause": true have a pause
    within a sentence and are also told apart.
    """
    from infra.bench.gap import BadManifest, as_json_text, read_manifest

    try:
        plans = read_manifest(calls)
    except BadManifest as error:
        fail(str(error), BAD_INPUT)
    figures = run_async(_gap(url, plans, rest_s))
    if as_json:
        typer.echo(as_json_text(figures))
    else:
        _print_gap(figures)
    if all(call.problem for call in figures):
        raise typer.Exit(FAILED)


async def _gap(url: str | None, plans: "list[CallPlan]", rest_s: float) -> "list[CallFigures]":
    from infra.bench.gap import measure
    from infra.cli.system import page_or

    async with page_or(url) as page:
        return await measure(page, plans, _tell, rest_s)


def _tell(call: "CallFigures") -> None:
    gap_ms = "no answer" if call.gap_ms is None else f"{call.gap_ms:.0f} ms"
    err().print(f"{call.wav}: {gap_ms}{' early' if call.early else ''} {call.problem}", style="dim", markup=False)


def _print_gap(figures: "list[CallFigures]") -> None:
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


def _short(name: str) -> str:
    return name.removesuffix("_ms").replace("_", " ")


@app.command()
def bus(
    turns: Annotated[int, typer.Option(min=20, help="Synthetic turns.")] = 300,
    events: Annotated[int, typer.Option(min=100, help="Events for the rate.")] = 3000,
    as_json: Json = False,
) -> None:
    """Measure what the log adds to a turn (all its hops, fsync on), and events a second through one actor.

    Runs on a NATS server of its own beside the data directory; the system's log is left alone.
    """
    from dataclasses import asdict

    figures = run_async(_bus(turns, events))
    if as_json:
        typer.echo(json.dumps(asdict(figures), indent=2))
        return
    out().print(
        f"added by the log per turn over {figures.turns} turns: P50 [bold]{figures.p50_ms}[/] ms, "
        f"P95 [bold]{figures.p95_ms}[/] ms, max {figures.max_ms} ms"
    )
    for name, ms in figures.hops_p50_ms.items():
        out().print(f"  [dim]{ms:6.2f} ms to {name} at the door (P50)[/]")
    out().print(f"one fact alone is stored after P50 {figures.store_p50_ms} ms, P95 {figures.store_p95_ms} ms")
    out().print(f"through one actor: [bold]{figures.events_per_s}[/] events/s ({figures.events} events)")


async def _bus(turns: int, events: int) -> "BusFigures":
    import os
    import tempfile

    from infra.settings import settings
    from infra.supervisor import running_system

    parent = settings().data_dir.absolute()
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=parent) as folder:
        own = settings().model_copy(update={"data_dir": Path(folder), "nats_url": ""})
        async with running_system(own, log_only=True) as system:
            from infra.bench.bus import measure_bus

            os.environ["DAREDEVIL_NATS_URL"] = system.addresses.nats_url
            settings.cache_clear()
            return await measure_bus(turns, events)


@app.command()
def idle(
    seconds: Annotated[float, typer.Option(min=1, help="How long to watch.")] = 30,
    as_json: Json = False,
) -> None:
    """Measure memory and CPU of the system while nobody talks, and how long it took to get ready.

    Takes the running system, or starts one for as long as it takes.
    """
    from dataclasses import asdict

    figures = run_async(_idle(seconds))
    if as_json:
        typer.echo(json.dumps(asdict(figures), indent=2))
        return
    for process in figures.processes:
        out().print(f"{process.name:<12} {process.pss_mb:7.1f} MB  {process.cpu_percent:5.2f} %")
    ready = "?" if figures.ready_s is None else f"{figures.ready_s:.1f}"
    out().print(
        f"all: [bold]{figures.pss_mb:.0f}[/] MB (PSS), [bold]{figures.cpu_percent:.1f}[/] % of a core over "
        f"{figures.seconds:.0f} s; ready after [bold]{ready}[/] s"
    )


async def _idle(seconds: float) -> "IdleFigures":
    import asyncio

    from infra.bench.idle import measure_idle
    from infra.cli.system import system_page
    from infra.settings import settings

    async with system_page():
        await asyncio.sleep(2)  # what starting has left behind is not idling
        return await measure_idle(settings().data_dir, seconds)


@app.command()
def projections(
    events: Annotated[int, typer.Option(min=1000, max=2_000_000, help="Made-up events in the log.")] = 100_000,
    as_json: Json = False,
) -> None:
    """Measure how fast the tables follow the log: catching up, one fact at a time, and a rebuild.

    Runs on servers of its own beside the data directory. Pulsar has its own: `python -m projections.pulsar.bench`.
    """
    from dataclasses import asdict

    figures = run_async(_projections(events))
    if as_json:
        typer.echo(json.dumps(asdict(figures), indent=2))
        return
    out().print(
        f"Postgres catches up at [bold]{figures.catch_up_per_s}[/] events/s over {figures.events} events "
        f"({figures.without_index_per_s}/s before the index of embeddings is made)"
    )
    out().print(
        f"live lag: P50 [bold]{figures.live_lag_p50_ms}[/] ms, P95 [bold]{figures.live_lag_p95_ms}[/] ms, "
        f"max {figures.live_lag_max_ms} ms"
    )
    out().print(f"a rebuild takes [bold]{figures.rebuild_s}[/] s ({figures.rebuild_per_s} events/s)")


async def _projections(events: int) -> "PostgresFigures":
    import tempfile

    from infra.settings import settings
    from projections.postgres.bench import measure_postgres

    parent = settings().data_dir.absolute()
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=parent) as folder:
        return await measure_postgres(events, Path(folder), progress)


@app.command()
def memory(
    turns: Annotated[int, typer.Option(min=1000, max=2_000_000, help="Past turns in the table.")] = 100_000,
    queries: Annotated[int, typer.Option(min=20, help="Questions asked, each for the user of a random turn.")] = 300,
    index: Annotated[
        bool, typer.Option(help="Make the HNSW index too (many minutes for a million turns): only heavy users need it.")
    ] = True,
    as_json: Json = False,
) -> None:
    """Measure how quickly a user's similar past turns are found among those of all, and how many of the right ones.

    Recall is against the exact search among all turns of the user. Runs on a Postgres of its own beside the data
    directory.
    """
    from dataclasses import asdict

    figures = run_async(_memory(turns, queries, index))
    if as_json:
        typer.echo(json.dumps(asdict(figures), indent=2))
        return
    indexes = "indexes" if index else "index without HNSW"
    made = f"{indexes} made in {figures.index_s} s"
    out().print(f"{figures.turns} turns of {figures.users} users, {made}; top 5 of the same user:")
    out().print(
        f"P50 [bold]{figures.p50_ms}[/] ms, P95 [bold]{figures.p95_ms}[/] ms, max {figures.max_ms} ms, "
        f"recall@5 [bold]{figures.recall:.3f}[/] over {figures.queries} questions"
    )
    out().print(
        f"[dim]the user with most turns ({figures.heaviest_turns}): P50 {figures.heaviest_p50_ms} ms, "
        f"P95 {figures.heaviest_p95_ms} ms, recall@5 {figures.heaviest_recall:.3f}[/]"
    )


async def _memory(turns: int, queries: int, index: bool) -> "MemoryFigures":
    import tempfile

    from infra.bench.memory import measure_memory
    from infra.engines.embedding import LOCAL_DIMS, LOCAL_MODEL
    from infra.settings import settings
    from projections.postgres.schema import connect, prepare
    from projections.postgres.tables import MEMORY_INDEX, Space, make_index

    async def make_tables(url: str) -> None:
        async with await connect(url) as connection:
            await prepare(connection, url)
            await connection.execute(
                f"ALTER TABLE conversations ALTER COLUMN embedding TYPE vector({LOCAL_DIMS})".encode()
            )

    async def make_indexes(url: str) -> None:
        async with await connect(url) as connection:
            if index:
                await make_index(connection, Space(LOCAL_DIMS, LOCAL_MODEL, 0))
            else:
                await connection.execute("SET statement_timeout TO 0")
                await connection.execute(f"CREATE INDEX {MEMORY_INDEX}".encode())

    parent = settings().data_dir.absolute()
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=parent) as folder:
        return await measure_memory(turns, queries, Path(folder), make_tables, make_indexes, progress)
