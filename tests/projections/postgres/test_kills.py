import asyncio
import os
import random
import signal
import sys
from pathlib import Path

import pytest
from faststream.nats import NatsBroker

from contracts.events import Event
from infra.bench.conversations import conversations
from infra.bench.filling import fill_log
from infra.log.connection import connection, jetstream
from projections.postgres.verify import verify
from tests.projections.postgres.tables import Tables
from tests.servers import NatsServer

pytestmark = pytest.mark.engines

FACTS, KILLS = 3000, 5


async def test_killed_at_random_while_facts_come_the_tables_are_as_the_log(
    broker: NatsBroker, nats_server: NatsServer, tables: Tables, database: str, tmp_path: Path
) -> None:
    facts = list(conversations(FACTS, dimensions=16))
    chance = random.Random(4)
    environment = {**os.environ, "DAREDEVIL_NATS_URL": nats_server.url, "DAREDEVIL_POSTGRES_URL": database}
    each = FACTS // (KILLS + 1)
    with (tmp_path / "projection.log").open("ab") as log:
        copies = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.projections.postgres.one_copy"),
            env=environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
        )
    assert copies.stdin is not None
    assert copies.stdout is not None
    for kill in range(KILLS + 1):
        copies.stdin.write(b"another\n")
        pid = int(await copies.stdout.readline())
        filling = asyncio.create_task(_fill_slowly(broker, facts[kill * each : (kill + 1) * each]))
        try:
            # Each gets somewhere on its way and dies there, the last one gets home.
            await tables.reach(kill * each + chance.randrange(1, each) if kill < KILLS else await filling)
        finally:
            os.kill(pid, signal.SIGKILL)
        await filling
    copies.stdin.close()
    await copies.wait()
    assert [row["sequence"] for row in await tables.all("events")] == list(range(1, FACTS + 1))
    assert await verify(database, connection(broker)) == []


async def _fill_slowly(broker: NatsBroker, facts: list[Event]) -> int:
    last = 0
    for start in range(0, len(facts), 10):
        last = await fill_log(jetstream(broker), facts[start : start + 10])
    return last
