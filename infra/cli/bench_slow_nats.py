"""`daredevil bench slow-nats`: turns by text while NATS is far away, or its connections are cut."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.output import FAILED, fail_for, out, progress, run_async, warn

if TYPE_CHECKING:
    from infra.bench.slow_nats import FaultRun, SlowNatsFigures


def slow_nats(
    callers: Annotated[int, typer.Option(min=1, max=200, help="Callers at once.")] = 5,
    turns: Annotated[int, typer.Option(min=1, max=1000, help="Turns of each, under each fault.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Talk by text while NATS is 100 and 500 ms away from every process, and while its connections are cut.

    Runs a system with stub engines, and a NATS with Toxiproxy before it (`scripts/go_tools.sh toxiproxy-server`). A
    caller who is refused asks again, for a minute. Exits with 1 if a turn that was answered is not in the log once, or
    a fault could not be measured.
    """
    figures = run_async(_slow_nats(callers, turns, as_json))
    if as_json:
        typer.echo(json.dumps(asdict(figures), indent=2))
    fail_for(figures.not_measured)
    if not figures.is_whole:
        raise typer.Exit(FAILED)


def _silent(_: "FaultRun") -> None:
    return


def _print(run: "FaultRun") -> None:
    again = ", ".join(f"{times} times {code}" for code, times in run.refused.items()) or "nobody"
    out().print(
        f"{run.fault}: {run.answered} of {run.turns} turns answered, P50 [bold]{run.p50_ms:.0f}[/] ms, "
        f"P95 {run.p95_ms:.0f} ms; refused: {again}; lost {run.lost}, double {run.double}"
    )


async def _slow_nats(callers: int, turns: int, as_json: bool) -> "SlowNatsFigures":
    import nats

    from infra.bench.attempts import attempt
    from infra.bench.slow_nats import FAULTS, SlowNatsFigures, measure_fault
    from infra.bench.toxiproxy import toxiproxy_before
    from infra.cli.bench_rooms import stub_engines
    from infra.cli.system import changed_settings, folder_of_its_own, system_here
    from infra.system.own_nats import synced_nats

    figures, show = SlowNatsFigures(callers), _silent if as_json else _print
    with folder_of_its_own() as own:
        folder = Path(own["data_dir"])
        async with synced_nats(folder) as server, stub_engines() as stubs:
            port = int(server.url.rpartition(":")[2])
            async with toxiproxy_before("nats", port, folder) as proxy:
                here = {**own, **stubs, "nats_url": f"nats://127.0.0.1:{proxy.port}"}
                with changed_settings(here):
                    nc = await nats.connect(server.url)
                    try:
                        async with system_here() as runtime:
                            for fault in FAULTS:
                                progress(f"{fault.name}: {callers} callers, {turns} turns each")
                                with attempt(fault.name, figures.not_measured, warn):
                                    run = await measure_fault(runtime.page_url, nc, proxy, callers, turns, fault)
                                    figures.runs.append(run)
                                    show(run)
                    finally:
                        await nc.close()
    return figures
