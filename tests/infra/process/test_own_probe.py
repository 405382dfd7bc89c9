"""A container's health check asks its own process, and takes next to nothing to start."""

import asyncio
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from infra.process.own_probe import problem_at, simple_health
from infra.process.probes import PROBES_DIR, probe_notes, probes_served
from infra.settings import Settings
from infra.system.nats import free_port


async def test_it_says_what_the_process_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    problems = [""]

    async def problem() -> str:
        return problems[0]

    monkeypatch.setenv(PROBES_DIR, str(tmp_path))
    async with probes_served("part", Settings(probe_port=0), problem):
        port = int(probe_notes(tmp_path)[0].address.rpartition(":")[2])
        environment = {"DAREDEVIL_PROBE_PORT": str(port), "DAREDEVIL_PROBE_HOST": "0.0.0.0"}
        asked = ("health", "part", "--timeout", "5")
        assert await asyncio.to_thread(simple_health, asked, environment) == ("ready: part", 0)
        problems[0] = "no ears"
        assert await asyncio.to_thread(simple_health, asked, environment) == ("not ready: no ears", 1)


def test_nobody_there_a_process_that_hangs_and_a_stranger_are_told_apart() -> None:
    port = free_port()
    assert "does not answer" in problem_at("part", "127.0.0.1", port, 1)
    assert "Connection refused" in problem_at("part", "127.0.0.1", port, 1)
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        assert problem_at("part", "", hanging.getsockname()[1], 0.1).endswith("within 0.1 s")


async def test_a_stranger_at_the_port_is_no_process_of_ours() -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.0 200 OK\r\n\r\nhello")
        writer.close()

    stranger = await asyncio.start_server(greet, "127.0.0.1", 0)
    port = stranger.sockets[0].getsockname()[1]
    told = await asyncio.to_thread(problem_at, "part", "127.0.0.1", port, 1.0)
    assert "not as a process of ours: set DAREDEVIL_PROBE_PORT" in told
    stranger.close()


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (("health",), {"DAREDEVIL_PROBE_PORT": "9100"}),
        (("health", "--json"), {"DAREDEVIL_PROBE_PORT": "9100"}),
        (("health", "--help"), {"DAREDEVIL_PROBE_PORT": "9100"}),
        (("health", "reasoning", "--timeout", "soon"), {"DAREDEVIL_PROBE_PORT": "9100"}),
        (("health", "reasoning", "--timeout", "0"), {"DAREDEVIL_PROBE_PORT": "9100"}),
        (("health", "reasoning"), {}),
        (("health", "reasoning"), {"DAREDEVIL_PROBE_PORT": "0"}),
        (("sessions", "reasoning"), {"DAREDEVIL_PROBE_PORT": "9100"}),
    ],
)
def test_whatever_else_is_asked_is_for_the_command_line(
    arguments: tuple[str, ...], environment: dict[str, str]
) -> None:
    assert simple_health(arguments, environment) is None


def test_it_imports_nothing_slow() -> None:
    program = (
        "import sys; sys.argv[1:] = ['health', 'reasoning']; from infra.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: print(end.code, sorted({'typer', 'pydantic', 'asyncio', 'nats'} & set(sys.modules)))"
    )
    environment = {"DAREDEVIL_PROBE_PORT": str(free_port()), "PYTHONPATH": str(Path(__file__).parents[3])}
    ran = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=30)
    assert ran.stdout.splitlines()[-1] == "1 []"
