"""The tables of a log with several partitions: a position in each, and every fact once."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from faststream.nats import NatsBroker

from contracts.events import SessionErased
from infra.bench.conversations import conversations
from infra.bench.filling import fill_log
from infra.erasure.erase import erase_session
from infra.log.broker import make_broker
from infra.log.connection import connection, jetstream
from infra.log.event_log import append
from infra.log.provisioning import provision
from infra.settings import Settings
from projections.postgres.projector import PostgresProjector
from projections.postgres.rebuild import rebuild
from projections.postgres.verify import verify
from projections.projector import Stopped
from projections.pulsar.projector import PulsarProjector
from projections.status import log_end, log_ends
from tests.infra.log.partitioned import partitioned
from tests.projections.postgres.tables import Tables
from tests.projections.postgres.test_projector import turn

pytestmark = pytest.mark.engines


@pytest.fixture
async def broker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[NatsBroker]:
    """A connected broker on a provisioned log with four partitions."""
    async with partitioned(tmp_path / "nats", monkeypatch):
        broker = make_broker("test")
        await broker.connect()
        await provision(jetstream(broker))
        yield broker
        await broker.stop()


async def test_facts_of_all_partitions_are_in_the_tables_which_agree_rebuilt_and_as_they_grow(
    broker: NatsBroker, projector: PostgresProjector, tables: Tables, database: str
) -> None:
    nc = connection(broker)
    await fill_log(jetstream(broker), conversations(1500, dimensions=8))
    await tables.reach(await log_end(nc))
    assert all(await log_ends(nc))
    assert len(await tables.all("events")) == 1500
    assert await verify(database, nc) == []
    right = await tables.everything()
    await tables.run("DELETE FROM agents.events WHERE sequence IN (SELECT sequence FROM agents.events LIMIT 3)")
    assert len(await verify(database, nc)) == 3
    result = await rebuild(database, nc, lambda *_: None)
    assert result.differences["events"].only_new == 3
    again = await tables.everything()
    assert {table: rows for table, rows in again.items() if table != "embedding_space"} == {
        table: rows for table, rows in right.items() if table != "embedding_space"
    }
    await append(broker, turn("the projection goes on", 1))
    await tables.reach(await log_end(nc))
    assert await verify(database, nc) == []


async def test_an_erased_session_is_erased_in_the_tables_and_they_agree(
    broker: NatsBroker, projector: PostgresProjector, tables: Tables, database: str
) -> None:
    nc = connection(broker)
    facts = list(conversations(300, dimensions=8))
    await fill_log(jetstream(broker), facts)
    await tables.reach(await log_end(nc))
    session = facts[-1].session_id
    await erase_session(broker, session, "asked for", force=True, wait_s=0, settle_s=0)
    await tables.reach(await log_end(nc))
    left = await tables.rows(f"SELECT event FROM agents.events WHERE session_id = '{session}' AND data IS NOT NULL")
    assert {row["event"] for row in left} >= {SessionErased.__name__}
    assert not await tables.rows(f"SELECT 1 FROM agents.conversations WHERE session_id = '{session}'")
    assert await verify(database, nc) == []


async def test_topics_are_refused_with_the_reason(broker: NatsBroker) -> None:
    with pytest.raises(Stopped, match="from a log of one partition"):
        await PulsarProjector(connection(broker), Settings())._check_same_log({})
