"""The topics as a reader sees them, and the projection as a process that can be killed."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from faststream.nats import NatsBroker

from infra.log.connection import connection
from infra.settings import Settings
from infra.system.processes import die_with_parent
from projections.pulsar.comparison import Kept
from projections.pulsar.projector import PulsarProjector
from projections.pulsar.row import PULSAR
from projections.pulsar.topics import connect
from projections.pulsar.verify import kept_messages
from projections.status import Status, ask_status, log_end


async def read_topic(settings: Settings, topic: str) -> list[Kept]:
    client = connect(settings)
    try:
        return [kept async for kept in kept_messages(client, topic)]
    finally:
        await asyncio.to_thread(client.shutdown)


@asynccontextmanager
async def projecting(broker: NatsBroker, settings: Settings) -> AsyncIterator[PulsarProjector]:
    """Run a projection in this process for the length of a block."""
    projector = PulsarProjector(connection(broker), settings)
    task = asyncio.create_task(projector.run())
    try:
        yield projector
    finally:
        task.cancel()
        await asyncio.wait([task])


async def caught_up(broker: NatsBroker, projector: PulsarProjector, within_s: float = 60) -> None:
    """Wait until it has all that is in the log now."""
    end = await log_end(connection(broker))
    try:
        async with asyncio.timeout(within_s):
            while projector.status().position < end:
                assert projector.status().state != "stopped", projector.status().reason
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"not at {end} within {within_s} s: {projector.status()}") from None


class ProjectorProcess:
    """`faststream run projections.pulsar:app`."""

    def __init__(self, settings: Settings, log: Path) -> None:
        self._settings = settings
        self._log = log
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        environment = os.environ | {
            "DAREDEVIL_NATS_URL": self._settings.nats_url,
            "DAREDEVIL_PULSAR_URL": self._settings.pulsar_url,
            "DAREDEVIL_PULSAR_ADMIN_URL": self._settings.pulsar_admin_url,
        }
        with self._log.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "faststream", "run", "projections.pulsar:app"),
                env=environment,
                stdout=output,
                stderr=output,
                preexec_fn=die_with_parent,
            )

    async def end(self, how: signal.Signals) -> int:
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(how)
        async with asyncio.timeout(15):
            return await self._process.wait()


async def position_reached(broker: NatsBroker, position: int, within_s: float = 60) -> Status:
    """Wait until a running projection has stored everything up to `position`."""
    async with asyncio.timeout(within_s):
        while True:
            for status in await ask_status(connection(broker), PULSAR.process, 0.1):
                assert status.state != "stopped", status.reason
                if status.position >= position:
                    return status
