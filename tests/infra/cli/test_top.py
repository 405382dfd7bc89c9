"""`daredevil top` as a user calls it, and what its tables say."""

import json
import os
import pty
import subprocess
import sys
import termios
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from infra.cli.top_table import table_of
from infra.metrics import table as t
from infra.metrics.figures import figures
from infra.metrics.samples import Reading, Series, name_of
from infra.metrics.scraping import targets_file
from infra.settings import settings
from infra.system.nats import free_port
from tests.infra.cli.command import cli
from tests.infra.cli.test_cli import json_lines
from tests.infra.metrics.processes import exposed, serving

CPU = 'process_cpu_time_seconds_total{cpu_mode="user",service_name="daredevil-bridge"} 5\n'
BRIDGE = exposed({"process_memory_usage_bytes": 2e8, "process_uptime_seconds": 50, "daredevil_process_ready": 1})


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DAREDEVIL_DATA_DIR", str(tmp_path))
    settings.cache_clear()
    return tmp_path


def test_where_nothing_runs_it_says_so(data_dir: Path) -> None:
    code, output, errors = cli("top")
    assert (code, output) == (1, "")
    assert f"nothing runs on {data_dir}" in errors
    assert "daredevil run" in errors


def test_the_system_that_runs_here_is_found_and_printed_once_without_a_terminal(data_dir: Path) -> None:
    with serving(BRIDGE + CPU) as address:
        file = targets_file(data_dir)
        file.parent.mkdir()
        file.write_text(json.dumps([{"targets": [address], "labels": {"process": "bridge"}}]))
        code, output, _ = cli("top")
    assert code == 0
    assert output.count("since the processes began") == 1
    line = next(line for line in output.splitlines() if "bridge" in line)
    assert line.split() == ["bridge", "ready", "10.0", "200", "—"]


def test_programs_without_metrics_are_looked_at_by_their_process_ids(data_dir: Path) -> None:
    with serving(BRIDGE + CPU) as address:
        file = targets_file(data_dir)
        file.parent.mkdir()
        file.write_text(json.dumps([{"targets": [address], "labels": {"process": "bridge"}}]))
        here = os.getpid()
        # `bridge-spare` is a further copy, which has metrics as well.
        pids = {"nats": here, "bridge": here, "bridge-spare": here, "llm": 2**22 + 1}
        noted = {"ready_s": 1.0, "pids": pids}
        (file.parent / "processes.json").write_text(json.dumps(noted))
        (line,) = json_lines("top", cli("top", "--json")[1])
    by_name = {process["name"]: process for process in line["processes"]}
    assert set(by_name) == {"bridge", "nats"}  # the one with metrics is not there twice, one that has ended not at all
    assert by_name["bridge"]["memory_bytes"] == 200_000_000
    assert by_name["nats"]["memory_bytes"] > 10_000_000
    assert by_name["nats"]["cpu_cores"] > 0


def test_a_process_that_hangs_is_there_once_and_not_ready(data_dir: Path) -> None:
    with serving(BRIDGE + CPU) as address:
        file = targets_file(data_dir)
        file.parent.mkdir()
        targets = {"bridge": address, "reasoning": f"127.0.0.1:{free_port()}"}
        file.write_text(json.dumps([{"targets": [at], "labels": {"process": name}} for name, at in targets.items()]))
        noted = {"ready_s": 1.0, "pids": {"bridge": os.getpid(), "reasoning": os.getpid()}}
        (file.parent / "processes.json").write_text(json.dumps(noted))
        (line,) = json_lines("top", cli("top", "--json")[1])
    states = [(process["name"], process["ready"]) for process in line["processes"]]
    assert states == [("bridge", True), ("reasoning", False)]


def test_a_system_elsewhere_is_read_at_the_addresses_given() -> None:
    with serving(BRIDGE + CPU) as address:
        code, output, _ = cli("top", f"http://{address}", "--json")
        (line,) = json_lines("top", output)
    assert code == 0
    assert line["processes"][0]["name"] == "bridge"
    assert line["processes"][0]["cpu_cores"] == pytest.approx(0.1)


@pytest.mark.parametrize("url", ["voice-1:9100", "ftp://voice-1", "http://", "bridge"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    code, _, errors = cli("top", url)
    assert code == 2
    assert "http://HOST:PORT" in errors


def test_a_system_that_does_not_answer_is_not_shown_as_idle() -> None:
    code, output, errors = cli("top", "http://127.0.0.1:1")
    assert (code, output) == (1, "")
    assert "no metrics come from http://127.0.0.1:1/metrics" in errors


def shown(*parts: dict[Series, float], before: Reading | None = None) -> str:
    values = {key: value for part in parts for key, value in part.items()}
    console = Console(file=StringIO(), width=200)
    console.print(table_of(figures(Reading(60.0, values), before), 80))
    written = console.file
    assert isinstance(written, StringIO)
    return written.getvalue()


def value(metric: Any, amount: float, suffix: str = "", **labels: str) -> dict[Series, float]:
    return {("one", name_of(metric) + suffix, frozenset(labels.items())): amount}


def gaps(seconds: str, count: float) -> dict[Series, float]:
    return value(t.GAP, count, "_bucket", le=seconds) | value(t.GAP, count, "_bucket", le="+Inf")


def test_what_callers_notice_is_above() -> None:
    text = shown(
        value(t.OPEN, 2, door="websocket"),
        value(t.OPEN, 1, door="http"),
        value(t.TURNS, 6, door="http", outcome="answered"),
        value(t.CUT_OFF, 1),
        value(t.STALLS, 2, cause="late-sound"),
        gaps("0.4", 6),
        before=Reading(0.0),
    )
    for line in (
        "sessions   3 open (http 1, websocket 2)",
        "gap        p50 200, p95 380, p99 396 ms of 6 answers",
        "turns      6.0 a minute (answered 6)",
        "suffered   1 cut off, 2 breaks in the sound",
    ):
        assert line in text


def test_without_calls_there_is_no_gap_of_0_ms() -> None:
    text = shown()
    assert "nothing was answered by voice" in text
    assert "suffered   nothing" in text
    assert "disk       unknown" in text
    assert "dead letters unknown" in text


def test_the_log_and_its_consumers() -> None:
    text = shown(
        value(t.LOG_READY, 0),
        value(t.DEAD_LETTERS, 2, durable="synthesis"),
        value(t.PENDING, 7, durable="synthesis"),
        value(t.LAG, 12.5, durable="synthesis"),
        value(t.DISK_FREE, 5e9),
        value(t.DISK_SIZE, 100e9),
    )
    assert "stores no facts, 2 dead letters" in text
    assert "5.0 of 100.0 GB free" in text
    line = next(line for line in text.splitlines() if line.strip().startswith("synthesis"))
    assert line.split() == ["synthesis", "7", "0", "12.5"]


def test_names_of_engines_are_not_read_as_markup() -> None:
    assert "[red]odd" in shown(value(t.ENGINE_ERRORS, 3, stage="llm", engine="[red]odd"))


def press(terminal: int, keys: str, seen: Callable[[str], bool]) -> str:
    """Press keys in a terminal, and return what is written since, up to where it satisfies `seen`."""
    os.write(terminal, keys.encode())
    written = ""
    while not seen(written):
        try:
            written += os.read(terminal, 65_536).decode(errors="replace")
        except OSError:  # the program has ended
            return written
    return written


def test_in_a_low_terminal_it_says_that_there_is_more_shows_it_and_ends_at_q(data_dir: Path) -> None:
    with serving(BRIDGE + CPU) as address:
        file = targets_file(data_dir)
        file.parent.mkdir()
        targets = {"bridge": address} | {f"copy-{n}": f"127.0.0.{n}:1" for n in range(2, 22)}
        file.write_text(json.dumps([{"targets": [at], "labels": {"process": name}} for name, at in targets.items()]))
        ours, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (24, 100))
        command = [sys.executable, "-m", "infra.cli", "top", "--interval", "60"]
        environment = os.environ | {"TERM": "xterm", "DAREDEVIL_DATA_DIR": str(data_dir)}
        with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment) as top:
            os.close(theirs)
            first = press(ours, "", lambda text: "more lines" in text)
            assert "q ends · arrow keys: ↓ " in first
            assert "bridge" in first
            last = press(ours, "\x1b[F", lambda text: "more lines" in text)  # End
            assert "↑ " in last
            assert "↓ " not in last
            press(ours, "q", lambda _: False)
            assert top.wait(10) == 0
        os.close(ours)
