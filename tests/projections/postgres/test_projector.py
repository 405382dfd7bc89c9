import asyncio

import pytest
from faststream.nats import NatsBroker

from infra.bench.conversations import conversations
from infra.facts import say
from projections.postgres.projector import Projector
from tests.projections.postgres.tables import Tables

pytestmark = pytest.mark.engines


async def test_a_conversation_is_in_the_tables(broker: NatsBroker, projector: Projector, tables: Tables) -> None:
    last = 0
    for event in conversations(40):
        last = await say(broker, event)
    await tables.reach(last)
    assert len(await tables.all("events")) == 40
    [session] = await tables.all("sessions")
    assert session["user_id"].startswith("user-")
    turns = await tables.all("conversations")
    assert [turn["gap_ms"] for turn in turns] == [598.0] * len(turns)
    assert turns
    assert projector.status().state == "live"
    await asyncio.sleep(0)
