"""Talk today, be remembered tomorrow: what one session learned changes the answer in another of the same user."""

import asyncio

import psycopg
import pytest

from contracts import events as e
from infra.caller import CallResult, place_call
from infra.postgres_url import embedded_url
from infra.system.supervisor import Supervisor
from tests.e2e.conftest import DATA
from tests.e2e.the_log import facts_of

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="package")]


async def in_the_tables(system: Supervisor, session_id: str) -> None:
    """Wait until the projection has the session's turn with its embedding."""
    query = "SELECT 1 FROM agents.conversations WHERE session_id = %s AND embedding IS NOT NULL"
    connection = await psycopg.AsyncConnection.connect(embedded_url(system._data_dir), autocommit=True)
    async with connection, asyncio.timeout(20):
        while await (await connection.execute(query, [session_id])).fetchone() is None:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def started_reply(system: Supervisor, call: CallResult) -> e.ReplyStarted:
    facts = [fact.event for fact in await facts_of(system.addresses.nats_url, call.session_id)]
    return [fact for fact in facts if isinstance(fact, e.ReplyStarted)][-1]


async def test_a_user_is_remembered_in_the_next_session_and_nobody_else_is(system: Supervisor) -> None:
    told = await place_call(system.page_url, [DATA / "i_am_sam.wav"], user_id="remembered")
    assert "Sam" in told.turns[0].text
    await in_the_tables(system, told.session_id)

    asked = await place_call(system.page_url, [DATA / "who_am_i.wav"], user_id="remembered")
    assert "Sam" in asked.turns[0].reply_text
    start = await started_reply(system, asked)
    assert len(start.memories) == 1
    assert start.recall_ms is not None

    stranger = await place_call(system.page_url, [DATA / "who_am_i.wav"], user_id="stranger")
    assert "Sam" not in stranger.turns[0].reply_text
    assert (await started_reply(system, stranger)).memories == ()
