import asyncio
import signal

import pytest
from faststream.nats import NatsBroker

from contracts.events import ErasedFact, SessionErased, SummaryWritten, TurnEnded, TurnRecorded
from contracts.topology import VOICE
from infra.bench.conversations import conversations
from infra.bench.filling import fill_log
from infra.log.connection import connection, jetstream
from infra.log.event_log import append, history
from infra.process.tasks import ended
from projections.postgres.projector import PostgresProjector
from projections.postgres.verify import verify
from tests.contracts.samples import EVENT_CLASSES, sample
from tests.postgres_server import PostgresServer, running_postgres
from tests.projections.postgres.tables import Tables
from tests.stepping import Injected, with_cancellation
from tests.waiting import until, until_async

pytestmark = pytest.mark.engines

HOSTILE = [
    '\'; DROP TABLE agents.events; -- "quoted" \\ $$ %s {}',
    "a NUL \0 in the middle, \0\0 two, and the symbols \u241b \u241b\u2400 \u2400",
    "\\u0000 \\x00 \\N \\. \t\r\n\v\f\x1b\x7f",
    "مرحبا שלום \u202eabc\u202c \u200f",
    "🦉👩‍👩‍👧‍👦🏳️‍🌈 e\u0301 \U0010ffff \ufffe \ufeff",
    "owl " * 45_000,
]


def turn(text: str, number: int = 0, **more: object) -> TurnRecorded:
    fields = {
        "event_id": f"turn-{number}",
        "session_id": "s-1",
        "time_ns": 1_795_000_000_000_000_000 + number,
        "turn_id": f"t-{number}",
        "reply_id": f"r-{number}",
        "user_text": text,
        "written_text": text,
        "heard_text": text,
        "user_id": "sam",
    }
    return TurnRecorded.model_validate({**fields, **more})


async def test_every_class_of_event_is_kept_as_it_was_said(
    broker: NatsBroker, projector: PostgresProjector, tables: Tables, database: str
) -> None:
    facts = [sample(event_class, every) for every in (True, False) for event_class in EVENT_CLASSES]
    for number, fact in enumerate(facts):
        last = await append(broker, fact.model_copy(update={"event_id": f"e-{number}", "session_id": f"s-{number}"}))
    await tables.reach(last)
    assert len(await tables.all("events")) == len(facts)
    assert await verify(database, connection(broker)) == []
    assert projector.status().errors == 0


async def test_a_turn_is_one_row_with_all_that_is_known_of_it(
    broker: NatsBroker, projector: PostgresProjector, tables: Tables
) -> None:
    last = await fill_log(jetstream(broker), conversations(400, dimensions=8))
    await tables.reach(last)
    [first, *_] = await tables.all("conversations")
    assert first["user_id"].startswith("user-")
    assert (first["gap_ms"], first["endpointing_ms"], first["playback_ms"]) == (598, 400, 30)
    assert first["embedding"].startswith("[")
    index = "SELECT indexdef FROM pg_indexes WHERE indexname = 'conversations_embedding'"
    await until_async(lambda: tables.rows(index), 40)  # made once the tables have caught up
    assert "hnsw" in (await tables.rows(index))[0]["indexdef"]
    await until(lambda: projector.status().state == "live", 20)
    assert (projector.status().position, projector.status().errors) == (last, 0)


async def test_hostile_text_arrives_as_it_was_said(
    broker: NatsBroker, projector: PostgresProjector, tables: Tables, database: str
) -> None:
    for number, text in enumerate(HOSTILE):
        await append(broker, turn(text, number))
        summary = sample(SummaryWritten).model_copy(
            update={"event_id": f"sum-{number}", "session_id": "s-1", "summary": text, "topics": (text[:50],)}
        )
        last = await append(broker, summary)
    heard = TurnEnded(event_id="long", session_id="s-1", time_ns=1, participant_id="p", text="\0" + "x" * 900_000)
    last = await append(broker, heard)
    await tables.reach(last)
    rows = await tables.all("conversations")
    assert [row["user_text"] for row in rows if "\0" not in HOSTILE[int(row["reply_id"][2:])]] == [
        text for text in HOSTILE if "\0" not in text and "\u241b" not in text
    ]
    assert await verify(database, connection(broker)) == []
    assert projector.status().errors == 0


async def test_what_is_no_event_is_kept_raw_and_counted(
    broker: NatsBroker, projector: PostgresProjector, tables: Tables, database: str
) -> None:
    js = jetstream(broker)
    await js.publish("voice.s-1.turn.ended", b"\x00\xffrubbish", stream=VOICE)
    await js.publish("voice.s-1.no.such", b"", stream=VOICE)
    await append(broker, turn("an embedding of 3 bytes", 1, embedding="AAAA"))
    last = await append(broker, turn("one that is not finite", 2, embedding="AADAfw=="))
    await tables.reach(last)
    rubbish, unknown, *_ = await tables.all("events")
    assert (rubbish["event"], rubbish["data"], rubbish["raw"]) == ("turn.ended", None, b"\x00\xffrubbish")
    assert unknown["event"] == "no.such"
    assert [row["embedding"] for row in await tables.all("conversations")] == [None, None]
    status = projector.status()
    assert (status.state, status.errors) == ("live", 4)
    assert "not finite" in status.last_error
    assert await verify(database, connection(broker)) == []


async def test_another_dimension_of_embeddings_stops_it_with_what_to_do(
    broker: NatsBroker, projector: PostgresProjector, tables: Tables
) -> None:
    await append(broker, turn("two numbers", 1, embedding="AAAAPwAAgL4=", embedding_model="small"))
    await append(broker, turn("one number", 2, embedding="AAAAPw==", embedding_model="smaller"))
    await until(lambda: projector.status().state == "stopped", 20)
    status = projector.status()
    assert status.position == 1
    assert "event 2 has an embedding of 1 dimensions (model smaller), the table has 2 (model small)" in status.reason
    assert "rebuild postgres" in status.reason


async def test_the_tables_of_another_log_stop_it_with_what_to_do(
    broker: NatsBroker, projector: PostgresProjector, tables: Tables, database: str
) -> None:
    last = await append(broker, turn("here"))
    await tables.reach(last)
    await tables.run("UPDATE agents.checkpoints SET sequence = 1000, sequences = '{1000}'")
    other = PostgresProjector(connection(broker), database, "agents_of_another")
    assert other.status().state == "starting"
    await append(broker, turn("there", 1))  # it finds its tables moved, and looks again
    await until(lambda: projector.status().state == "stopped", 20)
    assert "of another log" in projector.status().reason


async def test_a_second_copy_waits_until_the_first_has_gone(
    broker: NatsBroker, projector: PostgresProjector, tables: Tables, database: str
) -> None:
    await tables.reach(await append(broker, turn("one")))
    second = PostgresProjector(connection(broker), database)
    work = asyncio.create_task(second.run())
    await until(lambda: second.status().state == "standby")
    await tables.reach(await append(broker, turn("two", 1)))
    assert second.status().position == 0
    [row] = await tables.rows("SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted")
    await tables.run(f"SELECT pg_terminate_backend({row['pid']})")
    await until(lambda: "live" in (second.status().state, projector.status().state), 20)
    await tables.reach(await append(broker, turn("three", 2)))
    assert len(await tables.all("events")) == 3
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)


async def test_postgres_may_stop_die_and_hang_while_facts_come(broker: NatsBroker) -> None:
    facts = list(conversations(600, dimensions=8))
    with running_postgres() as server:
        projector = PostgresProjector(connection(broker), server.url)
        work = asyncio.create_task(projector.run())
        async with Tables.of(server.url) as tables:
            await tables.reach(await fill_log(jetstream(broker), facts[:200]))
        await asyncio.to_thread(server.stop, signal.SIGKILL)
        last = await fill_log(jetstream(broker), facts[200:400])
        await until(lambda: projector.status().state == "waiting")
        assert "Postgres does not answer" in projector.status().reason
        await _started_again(server)
        async with Tables.of(server.url) as tables:
            await tables.reach(last)
        await asyncio.to_thread(server.stop)
        last = await fill_log(jetstream(broker), facts[400:])
        await _started_again(server)
        async with Tables.of(server.url) as tables:
            await tables.reach(last)
            assert [row["sequence"] for row in await tables.all("events")] == list(range(1, 601))
        assert await verify(server.url, connection(broker)) == []
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


async def _started_again(server: PostgresServer) -> None:
    await asyncio.to_thread(server.start)


async def test_an_erased_session_is_in_the_tables_as_in_a_rebuild_from_the_erased_log(
    broker: NatsBroker, projector: PostgresProjector, tables: Tables, database: str
) -> None:
    js = jetstream(broker)
    last = await fill_log(js, conversations(450, dimensions=8))
    await tables.reach(last)
    session = (await tables.all("sessions"))[0]["session_id"]
    facts = [fact async for fact in history(connection(broker), session)]
    skeleton = tuple(
        ErasedFact(
            sequence=fact.sequence,
            event=type(fact.event).__name__,
            event_id=fact.event.event_id,
            time_ns=fact.event.time_ns,
            turn_id=fact.event.turn_id,
        )
        for fact in facts
    )
    for part, piece in enumerate((skeleton[:100], skeleton[100:])):
        erased = SessionErased(event_id=f"erased-{part}", session_id=session, time_ns=7, part=part, skeleton=piece)
        last = await append(broker, erased)
    for fact in facts:
        await js.delete_msg(VOICE, fact.sequence)
    await tables.reach(last)
    live = await tables.everything()
    assert await verify(database, connection(broker)) == []
    again = PostgresProjector(connection(broker), database, "again")
    work = asyncio.create_task(again.run())
    await until(lambda: again.status().position >= last, 20)
    rebuilt = await tables.everything("again")
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    for rows in (live, rebuilt):
        rows.pop("embedding_space")  # of the first embedding, which is gone from the log
    assert rebuilt == live
    [row] = [row for row in live["sessions"] if row["session_id"] == session]
    assert (row["user_id"], row["profile"]) == (None, None)
    assert row["erased_at"] is not None
    assert not [row for row in live["conversations"] if row["session_id"] == session]
    assert not [row for row in live["events"] if row["event_id"].startswith(session) and row["data"] is not None]


async def test_verify_finds_what_somebody_has_changed(
    broker: NatsBroker, projector: PostgresProjector, tables: Tables, database: str
) -> None:
    await tables.reach(await fill_log(jetstream(broker), conversations(420, dimensions=8)))
    await tables.run("UPDATE agents.events SET data = jsonb_set(data, '{text}', '\"no\"') WHERE sequence = 3")
    await tables.run("DELETE FROM agents.events WHERE sequence = 5")
    await tables.run("UPDATE agents.conversations SET heard_text = 'no' WHERE sequence = 20")
    await tables.run("UPDATE agents.sessions SET user_id = 'no'")
    await tables.run("INSERT INTO agents.events (sequence, session_id, event) VALUES (0, 's', 'more')")
    found = await verify(database, connection(broker))
    assert "events: 3 different" in found
    assert "events: 5 missing" in found
    assert [line for line in found if line.startswith("conversations: ") and line.endswith(" different")]
    assert [line for line in found if line.startswith("sessions: ")]


@pytest.mark.parametrize("at", [1, 5, 12, 20, 25])
async def test_it_goes_on_wherever_something_else_was_cancelled(
    broker: NatsBroker, database: str, tables: Tables, at: int
) -> None:
    injected = Injected(at)
    work = asyncio.ensure_future(with_cancellation(PostgresProjector(connection(broker), database).run(), injected))
    try:
        number = 0

        async def is_injected() -> bool:
            nonlocal number
            number += 1
            await tables.reach(await append(broker, turn("hello", number)))
            return injected.done

        await until_async(is_injected, within_s=30)
        await tables.reach(await append(broker, turn("the last", number + 1)))
        assert not work.done()
    finally:
        await ended(work)
