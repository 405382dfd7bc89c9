import asyncio

import pytest
from faststream.nats import NatsBroker

from contracts.events import Event
from contracts.topology import VOICE
from infra.bench.conversations import conversations
from infra.bench.filling import fill_log
from infra.log.connection import connection, jetstream
from infra.log.event_log import append
from infra.projection import NotRebuilt
from projections.postgres.projector import PostgresProjector
from projections.postgres.rebuild import rebuild
from projections.postgres.verify import verify
from tests.projections.postgres.tables import Tables
from tests.projections.postgres.test_projector import turn
from tests.waiting import until

pytestmark = pytest.mark.engines


def quietly(what: str, done: int, total: int) -> None:
    """Progress that nobody looks at."""


async def test_a_rebuild_puts_wrong_tables_right_and_says_what_was_wrong(
    broker: NatsBroker, projector: PostgresProjector, tables: Tables, database: str
) -> None:
    last = await fill_log(jetstream(broker), conversations(300, dimensions=8))
    await tables.reach(last)
    right = await tables.everything()
    await tables.run("UPDATE agents.conversations SET heard_text = 'no' WHERE sequence < 40")
    await tables.run("DELETE FROM agents.events WHERE sequence BETWEEN 10 AND 12")
    told: list[str] = []
    result = await rebuild(database, connection(broker), lambda what, *_: told.append(what))
    assert await tables.everything() == right
    assert result.differences["conversations"].changed > 0
    assert result.differences["events"].only_new == 3
    assert list(dict.fromkeys(told)) == ["building", "making the index of embeddings", "comparing", "swapping"]
    last = await append(broker, turn("the projection goes on"))
    await tables.reach(last)
    assert await verify(database, connection(broker)) == []
    assert not await tables.rows("SELECT 1 FROM pg_namespace WHERE nspname IN ('agents_rebuild', 'agents_old')")


async def test_a_rebuild_while_facts_come_loses_nothing_and_readers_see_whole_tables(
    broker: NatsBroker, projector: PostgresProjector, tables: Tables, database: str
) -> None:
    facts = list(conversations(2500, dimensions=8))
    await tables.reach(await fill_log(jetstream(broker), facts[:1000]))
    rebuilding = asyncio.create_task(rebuild(database, connection(broker), quietly))
    reading = asyncio.create_task(_read_on(database))
    last = await _trickle(broker, facts[1000:])
    await rebuilding
    await tables.reach(last)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert [row["sequence"] for row in await tables.all("events")] == list(range(1, 2501))
    assert await verify(database, connection(broker)) == []


async def _trickle(broker: NatsBroker, facts: list[Event]) -> int:
    last = 0
    for start in range(0, len(facts), 50):
        last = await fill_log(jetstream(broker), facts[start : start + 50])
    return last


async def _read_on(database: str) -> None:
    """Look at the tables again and again: they are always there, and never have less than before."""
    seen = 0
    async with Tables.of(database) as tables:
        while True:
            [row] = await tables.rows("SELECT count(*) AS rows FROM agents.events")
            assert row["rows"] >= seen
            seen = row["rows"]
            await asyncio.sleep(0.005)


async def test_after_a_change_of_dimension_a_rebuild_takes_the_new_one_and_the_projection_goes_on(
    broker: NatsBroker, projector: PostgresProjector, tables: Tables, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("projections.projector.STOPPED_S", 0.2)
    await append(broker, turn("two numbers", 1, embedding="AAAAPwAAgL4=", embedding_model="small"))
    last = await append(broker, turn("one number", 2, embedding="AAAAPw==", embedding_model="smaller"))
    await until(lambda: projector.status().state == "stopped", 20)
    await rebuild(database, connection(broker), quietly)
    await until(lambda: projector.status().state == "live", 20)
    assert projector.status().position == last
    rows = await tables.all("conversations")
    assert [(row["user_text"], row["embedding"]) for row in rows] == [("two numbers", None), ("one number", "[0.5]")]
    assert await verify(database, connection(broker)) == []


async def test_a_rebuild_does_not_throw_away_what_the_log_has_no_more(
    broker: NatsBroker, projector: PostgresProjector, tables: Tables, database: str
) -> None:
    await tables.reach(await fill_log(jetstream(broker), conversations(100, dimensions=8)))
    await jetstream(broker).purge_stream(VOICE, seq=50)
    before = await tables.everything()
    with pytest.raises(NotRebuilt, match=r"49 events that are no longer in the log.*--drop-lost"):
        await rebuild(database, connection(broker), quietly)
    assert await tables.everything() == before
    assert await verify(database, connection(broker)) == []
    await rebuild(database, connection(broker), quietly, drop_lost=True)
    assert [row["sequence"] for row in await tables.all("events")] == list(range(50, 101))


async def test_tables_that_somebody_has_dropped_are_made_again(
    broker: NatsBroker, projector: PostgresProjector, tables: Tables, database: str
) -> None:
    await tables.reach(await fill_log(jetstream(broker), conversations(60, dimensions=8)))
    await tables.run("DROP TABLE agents.conversations")
    await rebuild(database, connection(broker), quietly)
    assert len(await tables.all("events")) == 60
    assert await tables.all("conversations")
