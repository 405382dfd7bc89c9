"""`daredevil bench network`: calls through a LiveKit room over a bad line."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.output import BAD_INPUT, FAILED, fail, fail_for, out, progress, run_async

if TYPE_CHECKING:
    from infra.bench.bad_network import Impairment
    from infra.bench.network import LineFigures, NetworkFigures


def network(
    calls: Annotated[Path, typer.Option("--calls", metavar="DIR", help="A folder with WAVs and a manifest.json.")],
    loss: Annotated[float, typer.Option("--loss", min=0, max=100, help="Packets lost, in percent.")] = 5,
    jitter_ms: Annotated[
        float, typer.Option("--jitter", min=0, max=10_000, help="Delay of packets, plus or minus as much, ms.")
    ] = 50,
    rest_s: Annotated[float, typer.Option("--rest", min=0, max=3600, help="Seconds between calls.")] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Place the calls through LiveKit rooms over a good and a bad line, and compare words understood and turns lost.

    The caller runs in a network namespace, whose line drops and delays packets in both directions, as `tc netem`
    does. It is created for this command and removed after it, which needs root (Linux, iproute2). Runs a system of its
    own.

    For example:

      sudo daredevil bench network --calls tests/data/calls --loss 5 --jitter 50
    """
    from infra.bench.bad_network import Impairment, NoNetwork, why_not
    from infra.bench.gap import read_manifest
    from infra.bench.json_list import BadList
    from infra.bench.network import as_json_text
    from infra.system.livekit import LiveKitMissing

    if problem := why_not():
        fail(problem)
    try:
        read_manifest(calls)
        figures = run_async(_network(calls.absolute(), Impairment(loss, jitter_ms), rest_s))
    except BadList as error:
        fail(str(error), BAD_INPUT)
    except (NoNetwork, LiveKitMissing) as error:
        fail(str(error))
    if as_json:
        typer.echo(as_json_text(figures))
    else:
        _print(figures)
    fail_for(figures.not_measured)
    if figures.bad is not None and figures.bad.lost:
        raise typer.Exit(FAILED)


async def _network(calls: Path, how: "Impairment", rest_s: float) -> "NetworkFigures":
    from infra.bench.network import measure_network, outside
    from infra.cli.system import changed_settings, folder_of_its_own, system_here
    from infra.settings import settings

    server = settings().livekit_server
    with folder_of_its_own() as own:
        async with outside(Path(own["data_dir"]), server) as servers:
            with changed_settings({**own, **servers.environment}):
                async with system_here():
                    return await measure_network(servers, calls, how, rest_s, progress)


def _print(figures: "NetworkFigures") -> None:
    _print_line("good line", figures.clean)
    _print_line(f"{figures.loss_percent:g} % loss, {figures.jitter_ms:g} ms jitter", figures.bad)
    if figures.word_errors_added_points is not None:
        out().print(f"word error rate [bold]{figures.word_errors_added_points:+.1f}[/] points")


def _print_line(name: str, line: "LineFigures | None") -> None:
    if line is None:
        return
    words = "—" if line.word_error_rate is None else f"{line.word_error_rate:.1%}"
    out().print(
        f"[bold]{name}[/]: {line.calls} calls, [bold]{line.lost}[/] lost; word error rate [bold]{words}[/]; "
        f"gap median {line.median_ms:.0f} ms, P95 {line.p95_ms:.0f} ms"
    )
