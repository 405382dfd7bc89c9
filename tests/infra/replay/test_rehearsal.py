"""An actor on a recorded session, in a log of its own: what it takes, appends, and cannot handle."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from faststream.nats import NatsBroker

from contracts import events as e
from contracts.answers import answer
from contracts.codec import encode
from contracts.topology import Durable, subject_of
from infra.log.broker import make_broker
from infra.log.connection import connection, jetstream
from infra.log.dead_letters import dead_letters
from infra.log.event_log import append, facts_after
from infra.log.inbox import Inbox
from infra.log.provisioning import provision
from infra.log.stream_reader import StoredMessage
from infra.replay.pace import AT_ONCE
from infra.replay.recorded_session import RecordedSession, read_session
from infra.replay.rehearsal import rehearse, somebody_takes
from tests.infra.export.a_call import a_call

NOTED = Durable("note-taker", (e.TurnEnded, e.SessionClosed), from_now_on=True)


def recorded() -> RecordedSession:
    call = a_call()
    call.add(e.SessionClosed, 5000, reason="hangup")
    messages = [
        StoredMessage(
            100 + 2 * number,
            subject_of(fact),
            encode(fact),
            {"Nats-Time-Stamp": "2026-11-29T00:00:00Z", "Nats-Msg-Id": fact.event_id},
        )
        for number, fact in enumerate(call.facts)
    ]
    return read_session("s-1", messages, None)


@pytest.fixture
async def actor(broker: NatsBroker) -> AsyncIterator[list[e.Event]]:
    """An actor that reads the log, appends a summary for each turn, and cannot handle the end of a session."""
    own, seen = make_broker("note-taker"), list[e.Event]()
    inbox = Inbox(own, NOTED)

    @inbox.on(e.TurnEnded)
    async def turn_ended(event: e.TurnEnded) -> None:
        seen.append(event)
        known = await facts_after(own, event.session_id)
        note = answer(event, e.SummaryRevised, time_ns=1, summary=f"{len(known)} facts", through_turn_id="t", turns=1)
        await append(own, note)

    @inbox.on(e.SessionClosed)
    async def closed(event: e.SessionClosed) -> None:
        raise RuntimeError("no summary today")

    await own.connect()
    await provision(jetstream(own))
    async with inbox:
        await own.start()
        yield seen
    await own.stop()


async def test_it_takes_the_facts_in_order_reads_a_log_that_ends_there_and_what_it_appends_is_told(
    broker: NatsBroker, actor: list[e.Event], tmp_path: Path
) -> None:
    session, told = recorded(), list[e.Event]()
    nc = connection(broker)
    names = await asyncio.wait_for(somebody_takes(nc), 20)
    stored = await asyncio.wait_for(rehearse(nc, session, names, told.append, AT_ONCE), 30)
    assert names == ["note-taker"]
    assert stored == len(session.messages)
    assert [event.event_id for event in actor] == [
        fact.event.event_id for fact in session.facts if isinstance(fact.event, e.TurnEnded)
    ]
    (note,) = told
    assert isinstance(note, e.SummaryRevised)
    (letter,) = await dead_letters(nc)
    assert (letter.durable, letter.reason) == ("note-taker", "RuntimeError: no summary today")
