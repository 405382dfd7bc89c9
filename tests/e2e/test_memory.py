"""Talk today, be remembered tomorrow: what one session learned changes the answer in another of the same user."""

import asyncio

import psycopg
import pytest

from contracts import events as e
from infra.caller import CallResult, place_call
from infra.caller.live_call import hold_call
from infra.caller.talk import ignore_fact
from infra.postgres_url import embedded_url
from infra.system.supervisor import Supervisor
from tests.e2e.conftest import DATA
from tests.e2e.the_log import facts_of
from tests.speech import RATE_HZ, recorded

FRAME_BYTES = RATE_HZ // 50 * 2

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="package")]


async def in_the_tables(system: Supervisor, session_id: str) -> None:
    """Wait until the projection has the session's turn with its embedding."""
    query = "SELECT 1 FROM agents.conversations WHERE session_id = %s AND embedding IS NOT NULL"
    connection = await psycopg.AsyncConnection.connect(embedded_url(system._data_dir), autocommit=True)
    async with connection, asyncio.timeout(20):
        while await (await connection.execute(query, [session_id])).fetchone() is None:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


class Caller:
    """A microphone in front of which words are said once, and a loudspeaker that nobody hears."""

    rate_hz = RATE_HZ
    latency_s = 0.0

    def __init__(self, words: bytes, hang_up: asyncio.Event) -> None:
        self._frames = (words[place : place + FRAME_BYTES] for place in range(0, len(words), FRAME_BYTES))
        self._hang_up = hang_up
        self._due_s = 0.0

    async def heard(self) -> bytes:
        """Return the next 20 ms at the pace of speech; hang up after the last ones."""
        now_s = asyncio.get_running_loop().time()
        self._due_s = (self._due_s or now_s) + 0.02
        await asyncio.sleep(self._due_s - now_s)
        if (frame := next(self._frames, None)) is None:
            self._hang_up.set()
            return bytes(FRAME_BYTES)
        return frame

    def play(self, pcm: bytes) -> None:
        """Play nothing."""


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


async def test_what_is_said_just_before_hanging_up_is_remembered(system: Supervisor) -> None:
    hang_up = asyncio.Event()
    caller = Caller(recorded("i_am_sam").tobytes(), hang_up)
    hello = {"user_id": "in-a-hurry"}
    session_id = await hold_call(system.page_url, caller, hello, ignore_fact, lambda *_: None, hang_up)
    await in_the_tables(system, session_id)

    facts = [fact.event for fact in await facts_of(system.addresses.nats_url, session_id)]
    [record] = [fact for fact in facts if isinstance(fact, e.TurnRecorded)]
    assert "Sam" in record.user_text
    assert (record.heard_text, record.interrupted) == ("", True)
    asked = await place_call(system.page_url, [DATA / "who_am_i.wav"], user_id="in-a-hurry")
    assert "Sam" in asked.turns[0].reply_text
