"""`daredevil top`: how a running system is doing, live in the terminal."""

import json
from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.output import BAD_INPUT, fail, out, run_async

if TYPE_CHECKING:
    from rich.console import RenderableType

    from infra.metrics.figures import Figures
    from infra.metrics.samples import Reading
    from infra.metrics.scraping import Target

EVERY_S = 2.0


def top(
    urls: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[URL]...",
            help="Processes of a system elsewhere: their `http://host:port`, or the whole address of their metrics.",
        ),
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Print the figures once.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line.")] = False,
    interval: Annotated[
        float | None, typer.Option(min=0.2, help=f"Seconds from one look to the next; {EVERY_S:g} if not given.")
    ] = None,
    window: Annotated[
        float, typer.Option(min=1, help="What is counted is counted in this many seconds, as far as it has watched.")
    ] = 60,
) -> None:
    """Show how a running system is doing: sessions, response gaps, consumers, engines, processes, the disk.

    Without a terminal it prints the figures once, unless --interval is given. The first figures, and those printed
    once, count since the processes began. In a terminal, `q` ends it, and the arrow keys show what does not fit.

    For example:

      daredevil top

      daredevil top --once --json | jq .gap.p95_ms

      daredevil top http://voice-1:8031 http://voice-2:8031
    """
    repeats = not once and (interval is not None or out().is_terminal)
    run_async(_show(urls or [], repeats, as_json, interval or EVERY_S, window))


async def _show(urls: Sequence[str], repeats: bool, as_json: bool, interval_s: float, window_s: float) -> None:
    looks = _looks(urls, interval_s, window_s)
    if as_json:
        async for figures in looks:
            typer.echo(json.dumps(asdict(figures)))
            if not repeats:
                return
    elif not repeats:
        out().print(_table(await anext(looks)))
    elif out().is_terminal:
        from infra.cli.top_screen import show_live

        await show_live(looks, out())
    else:
        async for figures in looks:
            out().print(_table(figures))


def _table(figures: "Figures") -> "RenderableType":
    from infra.cli.top_table import table_of

    return table_of(figures, out().width)


async def _looks(urls: Sequence[str], interval_s: float, window_s: float) -> "AsyncIterator[Figures]":
    """Yield the figures again and again, counted over at most `window_s`."""
    import asyncio

    from infra.cli.top_programs import Programs
    from infra.metrics.figures import figures
    from infra.metrics.scraping import read_all
    from infra.settings import settings

    readings: deque[Reading] = deque()
    programs = Programs(settings().data_dir)
    while True:
        now = await read_all(_targets(urls))
        if not now.processes:
            fail(
                f"no metrics come from {', '.join(now.unreachable) or 'the addresses of its processes'}: "
                "nothing listens there, or it is neither a probe port nor a door"
            )
        while len(readings) > 1 and now.time_s - readings[1].time_s >= window_s:
            readings.popleft()
        seen = figures(now, readings[0] if readings else None)
        shown = {*now.processes.values(), *now.unreachable.values()}
        others = programs.look(now.time_s, shown) if not urls else []
        yield replace(seen, processes=(*seen.processes, *others))
        readings.append(now)
        await asyncio.sleep(interval_s)


def _targets(urls: Sequence[str]) -> "list[Target]":
    """Return what to read: the addresses given, or the processes of the system that runs here."""
    from infra.metrics.scraping import Target, targets_file, targets_in
    from infra.settings import settings

    if urls:
        try:
            return [Target("", _metrics_of(url)) for url in urls]
        except ValueError as error:
            fail(str(error), BAD_INPUT)
    file = targets_file(settings().data_dir)
    try:
        return targets_in(file.read_text())
    except FileNotFoundError:
        fail(
            f"nothing runs on {settings().data_dir.absolute()}: start it with `daredevil run`, or give the addresses "
            "of a system elsewhere: daredevil top http://HOST:PORT"
        )
    except (OSError, ValueError) as error:
        fail(f"{file} cannot be read: {error}")


def _metrics_of(url: str) -> str:
    """Return the address of metrics. Raises ValueError for what is no HTTP address."""
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ValueError(f"{url!r} is not the address of a process's metrics: write http://HOST:PORT")
    return url if parts.path.strip("/") else f"{parts.scheme}://{parts.netloc}/metrics"
