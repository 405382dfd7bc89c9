"""Calls over a bad line compared with the same calls over a good one: words understood, turns lost."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from infra.bench.attempts import NotMeasured, attempt
from infra.bench.bad_network import ImpairedLink, Impairment, bad_line
from infra.livekit.key import livekit_key
from infra.system.livekit import free_livekit_ports, livekit_server_path, write_livekit_config
from infra.system.nats import free_port, nats_server_path, wait_for_port, write_nats_config
from infra.system.processes import standing_apart, start_program

LINE_TIMEOUT_S = 3600.0
Report = Callable[[str], None]


class LineFailed(RuntimeError):
    """The calls of a line could not be placed at all; the message says why."""


@dataclass(frozen=True, slots=True)
class LineFigures:
    """All calls over one line."""

    calls: int
    lost: int
    median_ms: float
    p95_ms: float
    word_error_rate: float | None


@dataclass(frozen=True, slots=True)
class NetworkFigures:
    """The bad line compared with the good one; words in percentage points."""

    loss_percent: float
    jitter_ms: float
    clean: LineFigures | None
    bad: LineFigures | None
    word_errors_added_points: float | None
    not_measured: list[NotMeasured] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Outside:
    """The servers that callers inside a namespace can reach, and the settings that lead to them."""

    line: ImpairedLink
    environment: Mapping[str, str]


@asynccontextmanager
async def outside(folder: Path, livekit_server: str) -> AsyncIterator[Outside]:
    """Yield a namespace with NATS and LiveKit at its outer end. Raises NoNetwork, LiveKitMissing, NatsMissing."""
    async with bad_line() as line:
        space = line.space
        ports, key, nats_port = free_livekit_ports(), livekit_key(folder / "livekit"), free_port()
        config = write_livekit_config(folder / "livekit", ports, key, host=space.outer_ip)
        nats_config = write_nats_config(folder / "outside-nats", nats_port, host=space.outer_ip)
        commands = {
            "nats": (nats_server_path(), "-c", str(nats_config)),
            "livekit": (livekit_server_path(livekit_server), "--config", str(config)),
        }
        servers = [
            await start_program(command, os.environ, folder / f"outside-{name}.log")
            for name, command in commands.items()
        ]
        try:
            await wait_for_port(nats_port, host=space.outer_ip)
            await wait_for_port(ports.http, host=space.outer_ip)
            environment = {
                "nats_url": f"nats://{space.outer_ip}:{nats_port}",
                "livekit_url": f"ws://{space.outer_ip}:{ports.http}",
                "livekit_api_key": key.key,
                "livekit_api_secret": key.secret,
            }
            line.spared_port = nats_port
            yield Outside(line, environment)
        finally:
            for server in servers:
                server.send(signal.SIGKILL)
                await server.wait()


async def measure_network(
    servers: Outside, calls: Path, how: Impairment, rest_s: float, report: Report
) -> NetworkFigures:
    """Place the calls over the good line, then over the bad one; a line that fails is noted."""
    not_measured: list[NotMeasured] = []
    clean = bad = None
    report("over a good line")
    with attempt("the good line", not_measured, report):
        clean = await _line(servers, calls, rest_s)
    servers.line.impairment = how
    report(f"over a line with {how.loss_percent:g} % loss and {how.jitter_ms:g} ms jitter")
    before = servers.line.carried, servers.line.lost
    with attempt("the bad line", not_measured, report):
        bad = await _line(servers, calls, rest_s)
    carried, lost = servers.line.carried - before[0], servers.line.lost - before[1]
    report(f"{lost} of {carried} packets were lost")
    return compare(how, clean, bad, not_measured)


def compare(
    how: Impairment, clean: LineFigures | None, bad: LineFigures | None, not_measured: Sequence[NotMeasured] = ()
) -> NetworkFigures:
    """Compare both lines, as far as they were measured."""
    points = None
    if clean and bad and clean.word_error_rate is not None and bad.word_error_rate is not None:
        points = round((bad.word_error_rate - clean.word_error_rate) * 100, 2)
    return NetworkFigures(how.loss_percent, how.jitter_ms, clean, bad, points, list(not_measured))


async def _line(servers: Outside, calls: Path, rest_s: float) -> LineFigures:
    gap = ("bench", "gap", "--calls", str(calls), "--door", "livekit", "--rest", f"{rest_s:g}", "--json")
    command = servers.line.space.inside(
        sys.executable, "-m", "infra.cli", *gap, "--url", servers.environment["livekit_url"]
    )
    named = {f"DAREDEVIL_{name.upper()}": value for name, value in servers.environment.items()}
    process = await asyncio.create_subprocess_exec(
        *standing_apart(*command),
        env={**os.environ, **named},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(LINE_TIMEOUT_S):
            said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    try:
        return line_figures(json.loads(said))
    except (ValueError, KeyError) as error:
        raise LineFailed(f"the caller inside the namespace ended with exit code {process.returncode}") from error


def line_figures(told: dict[str, Any]) -> LineFigures:
    """Return the figures of a line from the output of `bench gap --json`. Raises KeyError if it has another form."""
    groups = told["groups"]
    group = groups.get("all") or next(iter(groups.values()))
    names = ("median_ms", "p95_ms", "word_error_rate")
    return LineFigures(calls=group["calls"], lost=group["failed"], **{name: group[name] for name in names})


def as_json_text(figures: NetworkFigures) -> str:
    """Return everything as one JSON object."""
    return json.dumps(asdict(figures), indent=2)
