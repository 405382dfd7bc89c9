"""The probes of a process: alive while its event loop turns, ready while it has no problem, and found by others."""

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from infra.process.exposition import exposition
from infra.process.probes import PROBES_DIR, ProbePortInUse, probe_notes, probes_served
from infra.settings import Settings
from tests.waiting import until_async


@asynccontextmanager
async def probed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, problems: list[str] | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    async def problem() -> str:
        return "; ".join(problems or [])

    monkeypatch.setenv(PROBES_DIR, str(folder))
    async with probes_served("part", Settings(probe_port=0), problem):
        (note,) = probe_notes(folder)
        async with httpx.AsyncClient(base_url=f"http://{note.address}") as client:
            yield client


async def test_a_process_is_alive_and_is_ready_while_it_has_no_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    problems: list[str] = []
    async with probed(tmp_path, monkeypatch, problems) as client:
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.json()) == (200, {"status": "ready"})
        problems.append("no ears")
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.json()) == (503, {"status": "not ready", "problem": "no ears"})
        assert (await client.get("/healthz")).status_code == 200
        head = await client.head("/readyz")
        assert (head.status_code, head.content) == (503, b"")


async def test_metrics_are_beside_it_and_anything_else_says_what_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with probed(tmp_path, monkeypatch) as client:
        answer = await client.get("/metrics")
        assert (answer.status_code, answer.headers["content-type"]) == (200, exposition()[1])
        assert "/healthz, /readyz and /metrics" in (await client.get("/")).text
        assert (await client.post("/readyz")).status_code == 405


async def test_a_loop_that_hangs_answers_no_probe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with probed(tmp_path, monkeypatch) as client:
        address = str(client.base_url).removeprefix("http://")

        def ask_while_the_loop_hangs() -> str:
            with socket.create_connection((address.split(":")[0], int(address.split(":")[1])), timeout=0.5) as asking:
                asking.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
                try:
                    return asking.recv(100).decode()
                except TimeoutError:
                    return "no answer"

        asked = asyncio.get_running_loop().run_in_executor(None, ask_while_the_loop_hangs)
        time.sleep(0.7)  # noqa: ASYNC251 (this is the fault)
        assert await asked == "no answer"

        async def is_alive() -> bool:
            return (await client.get("/healthz")).status_code == 200

        await until_async(is_alive, 5)


async def test_a_process_notes_where_its_probes_are_as_long_as_they_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with probed(tmp_path / "run", monkeypatch) as client:
        (note,) = probe_notes(tmp_path / "run")
        assert (note.process, note.pid) == ("part", os.getpid())
        assert str(client.base_url) == f"http://{note.address}"
    assert probe_notes(tmp_path / "run") == []
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", int(note.address.split(":")[1])), timeout=1)


async def test_without_a_port_there_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def problem() -> str:
        return ""

    monkeypatch.setenv(PROBES_DIR, str(tmp_path))
    async with probes_served("part", Settings(probe_port=None), problem):
        assert probe_notes(tmp_path) == []


async def test_a_port_in_use_names_the_setting() -> None:
    async def problem() -> str:
        return ""

    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(ProbePortInUse, match="DAREDEVIL_PROBE_PORT"):
        async with probes_served("part", Settings(probe_port=taken.getsockname()[1]), problem):
            pass
