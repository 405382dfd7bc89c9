"""`daredevil bench`: measurements of this machine."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli import (
    bench_answers,
    bench_corpus,
    bench_doors,
    bench_drafts,
    bench_faults,
    bench_first_call,
    bench_gap,
    bench_growth,
    bench_hearing,
    bench_log,
    bench_metrics,
    bench_network,
    bench_record,
    bench_replay,
    bench_rooms,
    bench_slow_nats,
    bench_spoken,
    bench_tapes,
    bench_tools,
    bench_turns,
)
from infra.cli.output import out, progress, run_async

if TYPE_CHECKING:
    from infra.bench.bus import BusFigures
    from infra.bench.idle import IdleFigures
    from infra.bench.memory import MemoryFigures
    from infra.bench.postgres import PostgresFigures

app = typer.Typer(
    no_args_is_help=True,
    help="""Measure this machine: the gap before an answer, what the log adds to it, the cost of idling, and
    how fast the tables follow.

Examples:

  daredevil bench gap --calls tests/data/calls

  daredevil bench gap --calls tests/data/calls --door both

  daredevil bench gap --calls tests/data/calls --at-once 2

  daredevil bench first-call --calls tests/data/calls

  daredevil bench drafts --calls tests/data/calls

  daredevil bench tapes --calls tests/data/calls

  daredevil bench rooms --rooms 10 --minutes 10

  daredevil bench hearing

  daredevil bench answers

  daredevil bench growth --sessions 2000

  daredevil bench bus

  daredevil bench log

  daredevil bench idle

  daredevil bench projections

  daredevil bench memory

  daredevil bench metrics

  daredevil bench kills --projection postgres

  daredevil bench outage --projection pulsar

  daredevil bench record

  daredevil bench replay

  daredevil bench record-corpus /tmp/corpus

  daredevil bench spoken

  daredevil bench tools
""",
)
app.command()(bench_gap.gap)
app.command(name="first-call")(bench_first_call.first_call)
app.command()(bench_drafts.drafts)
app.command()(bench_answers.answers)
app.command()(bench_hearing.hearing)
app.command(name="barge-in")(bench_doors.barge_in)
app.command()(bench_doors.greeting)
app.command()(bench_rooms.rooms)
app.command()(bench_growth.growth)
app.command()(bench_network.network)
app.command()(bench_faults.kills)
app.command()(bench_faults.outage)
app.command(name="slow-nats")(bench_slow_nats.slow_nats)
app.command()(bench_log.log)
app.command()(bench_record.record)
app.command()(bench_replay.replay)
app.command(name="record-corpus")(bench_corpus.record_corpus)
app.command()(bench_spoken.spoken)
app.command()(bench_metrics.metrics)
app.command()(bench_tapes.tapes)
app.command()(bench_tools.tools)
app.command()(bench_turns.turns)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command()
def bus(
    turns: Annotated[int, typer.Option(min=20, help="Synthetic turns.")] = 300,
    events: Annotated[int, typer.Option(min=100, help="Events for the rate.")] = 3000,
    as_json: Json = False,
) -> None:
    """Measure what the log adds to a turn (all its hops, fsync on), and events a second through one actor.

    Runs on a NATS server of its own beside the data directory; the system's log is not touched.
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
    out().print(f"storing one fact alone takes P50 {figures.store_p50_ms} ms, P95 {figures.store_p95_ms} ms")
    out().print(f"through one actor: [bold]{figures.events_per_s}[/] events/s ({figures.events} events)")


async def _bus(turns: int, events: int) -> "BusFigures":
    import os
    import tempfile

    from infra.settings import settings
    from infra.system.supervisor import running_system

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
    seconds: Annotated[float, typer.Option(min=1, max=86_400, help="How long to measure.")] = 30,
    as_json: Json = False,
) -> None:
    """Measure memory and CPU of the system while nobody talks, and how long it took to start.

    Measures the running system, or starts one for this command.
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
        await asyncio.sleep(2)  # wait until the load of starting is over
        return await measure_idle(settings().data_dir, seconds)


@app.command()
def projections(
    events: Annotated[int, typer.Option(min=1000, max=2_000_000, help="Generated events in the log.")] = 100_000,
    as_json: Json = False,
) -> None:
    """Measure how fast the tables follow the log: catching up, one fact at a time, and a rebuild.

    Runs on servers of its own beside the data directory. For Pulsar, run `python -m infra.bench.pulsar`.
    """
    from dataclasses import asdict

    figures = run_async(_projections(events))
    if as_json:
        typer.echo(json.dumps(asdict(figures), indent=2))
        return
    out().print(
        f"Postgres catches up at [bold]{figures.catch_up_per_s}[/] events/s over {figures.events} events "
        f"({figures.without_index_per_s}/s before the index of embeddings is built)"
    )
    out().print(
        f"live lag: P50 [bold]{figures.live_lag_p50_ms}[/] ms, P95 [bold]{figures.live_lag_p95_ms}[/] ms, "
        f"max {figures.live_lag_max_ms} ms"
    )
    out().print(f"a rebuild takes [bold]{figures.rebuild_s}[/] s ({figures.rebuild_per_s} events/s)")


async def _projections(events: int) -> "PostgresFigures":
    import tempfile

    from infra.bench.postgres import measure_postgres
    from infra.settings import settings

    parent = settings().data_dir.absolute()
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=parent) as folder:
        return await measure_postgres(events, Path(folder), progress)


@app.command()
def memory(
    turns: Annotated[int, typer.Option(min=1000, max=2_000_000, help="Past turns in the table.")] = 100_000,
    queries: Annotated[int, typer.Option(min=20, help="Number of searches, each for the user of a random turn.")] = 300,
    index: Annotated[
        bool,
        typer.Option(help="Build the HNSW index too (many minutes for a million turns); only heavy users need it."),
    ] = True,
    as_json: Json = False,
) -> None:
    """Measure how fast a user's similar past turns are found among those of all users, and the recall.

    Recall is relative to an exact search of all the user's turns. Runs on a Postgres of its own beside the data
    directory.
    """
    from dataclasses import asdict

    figures = run_async(_memory(turns, queries, index))
    if as_json:
        typer.echo(json.dumps(asdict(figures), indent=2))
        return
    indexes = "indexes" if index else "index without HNSW"
    made = f"{indexes} built in {figures.index_s} s"
    out().print(f"{figures.turns} turns of {figures.users} users, {made}; top 5 of the same user:")
    out().print(
        f"P50 [bold]{figures.p50_ms}[/] ms, P95 [bold]{figures.p95_ms}[/] ms, max {figures.max_ms} ms, "
        f"recall@5 [bold]{figures.recall:.3f}[/] over {figures.queries} searches"
    )
    out().print(
        f"[dim]the user with most turns ({figures.heaviest_turns}): P50 {figures.heaviest_p50_ms} ms, "
        f"P95 {figures.heaviest_p95_ms} ms, recall@5 {figures.heaviest_recall:.3f}[/]"
    )


async def _memory(turns: int, queries: int, index: bool) -> "MemoryFigures":
    import tempfile

    from infra.bench.memory import measure_memory
    from infra.settings import settings

    parent = settings().data_dir.absolute()
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=parent) as folder:
        return await measure_memory(turns, queries, Path(folder), index, progress)
