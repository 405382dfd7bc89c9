"""A process that is told to end does so before its supervisor would kill it, whatever hangs."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from tests.servers import NatsServer
from tests.waiting import until

pytestmark = pytest.mark.slow

LONG_S = 60
"""Far less than what hangs, far more than the process may take, for busy machines."""


@pytest.mark.parametrize(
    ("hangs", "frozen", "code"),
    [
        ("", False, 0),
        ("", True, 0),
        ("await", True, 0),
        ("python", False, 0),
        ("python, after a failure", False, 1),
        pytest.param("thread", False, 1),
        pytest.param("loop", False, 1),
    ],
)
async def test_it_ends_whatever_hangs(
    nats_server: NatsServer, tmp_path: Path, hangs: str, frozen: bool, code: int
) -> None:
    log = tmp_path / "app.log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "faststream", "run", "tests.infra.log.leaving_app:app"),
            env=os.environ | {"DAREDEVIL_NATS_URL": nats_server.url, "HANGS": hangs},
            stdout=output,
            stderr=output,
        )
    try:
        await until(lambda: "ready" in log.read_text() or process.returncode is not None, LONG_S, "it is ready")
        if frozen:
            nats_server.freeze()
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), LONG_S) == code, log.read_text()
        if hangs.startswith("python"):
            assert "the process has not ended within" not in log.read_text()
    finally:
        if frozen:
            nats_server.thaw()
        if process.returncode is None:
            process.kill()
            await process.wait()
