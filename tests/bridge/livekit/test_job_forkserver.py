"""Jobs are forked from a copy of the worker's process, which ends with it."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bridge.livekit.app import LIVEKIT_AGENTS, set_up_livekit_agents
from infra.system.processes import alive
from tests.waiting import until

TIMEOUT_S = 60


@asynccontextmanager
async def worker(kind: str) -> AsyncIterator[tuple[Process, list[list[str]]]]:
    """Run a worker with two jobs; return it and what has been printed, once it waits."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bridge.livekit.forking_worker", kind), stdin=PIPE, stdout=PIPE
    )
    assert process.stdout is not None
    lines: list[list[str]] = []
    try:
        async with asyncio.timeout(TIMEOUT_S):
            while not lines or lines[-1][0] != "children":
                line = await process.stdout.readline()
                assert line, lines
                lines.append(line.decode().split())
        yield process, lines
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_a_job_has_what_its_worker_had_imported_and_the_copy_ends_with_the_worker() -> None:
    async with worker("alone") as (process, lines):
        (_, copied), *jobs, _ = lines
        assert copied == "True"
        assert [line for line in jobs if line[0] == "code"] == [["code", "0"]] * 2
        [(has_imported, copy), again] = [line[1:] for line in jobs if line[0] == "job"]
        assert has_imported == "True"
        assert again == [has_imported, copy]  # both from the one copy
        assert int(copy) not in (process.pid, os.getpid())
        assert alive(int(copy))
        process.kill()
        await until(lambda: not alive(int(copy)))


async def test_of_a_worker_with_threads_no_copy_is_made_and_its_jobs_run() -> None:
    async with worker("thread") as (_, lines):
        (_, copied), *jobs, _ = lines
        assert copied == "False"
        assert [line for line in jobs if line[0] == "code"] == [["code", "0"]] * 2
        assert [has_imported for what, has_imported, *_ in jobs if what == "job"] == ["False"] * 2


@pytest.mark.parametrize(("given", "used"), [(None, "0"), ("7", "7")])
def test_settings_of_livekit_agents_that_the_environment_has_are_left(
    monkeypatch: pytest.MonkeyPatch, given: str | None, used: str
) -> None:
    for name in LIVEKIT_AGENTS:
        monkeypatch.setenv(name, given or "")
        if given is None:
            monkeypatch.delenv(name)
    set_up_livekit_agents()
    assert {os.environ[name] for name in LIVEKIT_AGENTS} == {used}
