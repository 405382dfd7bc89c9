import os
import signal
from pathlib import Path

import nats
import pytest
from nats.aio.client import Client

from infra.settings import Settings
from infra.system.parts import keepers
from infra.system.supervisor import Supervisor
from projections.postgres.row import POSTGRES
from projections.status import ask_status


async def live_pid(nc: Client, other_than: int = 0) -> int:
    """Wait until a copy is live; return its process id."""
    for _ in range(200):
        for status in await ask_status(nc, POSTGRES.process, 0.2):
            if status.state == "live" and status.pid != other_than:
                return status.pid
    raise AssertionError("no copy is live")


@pytest.mark.e2e
async def test_the_embedded_tables_start_with_the_system_and_come_back_when_killed(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, port=0, nats_url="", postgres_url="", pulsar_url="")
    supervisor = Supervisor(settings, parts=keepers(settings))
    await supervisor.start()
    try:
        nc = await nats.connect(supervisor.addresses.nats_url)
        first = await live_pid(nc)
        assert (tmp_path / "run" / "postgres_url").read_text().startswith("postgresql://")
        os.kill(supervisor.pids()["postgres"], signal.SIGKILL)
        os.kill(first, signal.SIGKILL)
        assert await live_pid(nc, other_than=first)
        await nc.close()
    finally:
        await supervisor.stop()
    assert not (tmp_path / "postgres" / "postmaster.pid").exists()
