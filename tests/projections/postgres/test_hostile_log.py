"""A log with facts that do not fit: the tables go on, and agree with the log afterwards."""

import random
from typing import Any

import msgpack
import pytest
from faststream.nats import NatsBroker

from contracts.codec import Undecodable, encode
from contracts.events import SessionErased, TurnRecorded
from contracts.topology import VOICE, subject_of
from infra.bench.conversations import conversations
from infra.log.connection import connection, jetstream
from infra.log.dead_letters import NotTaken, dead_letters, put_back
from infra.log.event_log import append
from projections.known_events import FromTheFuture, known_event
from projections.postgres.projector import PostgresProjector
from projections.postgres.rebuild import rebuild
from projections.postgres.row import POSTGRES
from projections.postgres.verify import verify
from tests.contracts.samples import EVENT_CLASSES, sample
from tests.projections.postgres.tables import Tables
from tests.projections.postgres.test_projector import turn

pytestmark = pytest.mark.engines

NUMBERS = [0, -1, 2**31, 2**32, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1, 1e22, 1e308, 5e-324, -0.0]
NUMBERS += [float("nan"), float("inf"), -float("inf")]
VALUES: list[Any] = [
    *NUMBERS,
    None,
    True,
    "",
    "\0",
    "x" * 5000,
    "🎙" * 300,
    b"\xff\x00",
    [],
    {},
    [2**63],
    {"a": 2**64 - 1},
]


def mutated(fields: dict[str, Any], dice: random.Random) -> dict[str, Any]:
    """Fields of which one to three, wherever they are, hold something else."""
    for _ in range(dice.randint(1, 3)):
        name = dice.choice([name for name in fields if name != "session_id"])
        value = fields[name]
        if isinstance(value, dict) and value and dice.random() < 0.8:
            fields = {**fields, name: mutated(value, dice)}
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            fields = {**fields, name: [mutated(value[0], dice), *value[1:]]}
        else:
            fields = {**fields, name: dice.choice(VALUES) if name != "sequence" else dice.randrange(1000)}
    return fields


def damaged(data: bytes, dice: random.Random) -> bytes:
    """Bytes of which one is another."""
    place = dice.randrange(len(data))
    return data[:place] + bytes([dice.randrange(256)]) + data[place + 1 :]


def of_a_newer_program(subject: str, data: bytes) -> bool:
    """Whether the projection would rightly stop there."""
    try:
        known_event(1, subject, data)
    except FromTheFuture:
        return True
    except Undecodable:
        return False
    return False


@pytest.mark.parametrize("seed", range(2))
async def test_after_a_thousand_mutated_facts_the_tables_agree_with_the_log(
    broker: NatsBroker, projector: PostgresProjector, tables: Tables, database: str, seed: int
) -> None:
    dice = random.Random(seed)
    js = jetstream(broker)
    # Another model's embeddings stop the projection, which is another test's business.
    whole = [sample(event_class) for event_class in EVENT_CLASSES if event_class is not TurnRecorded]
    whole += list(conversations(60, dimensions=8)) + [sample(SessionErased)] * 20
    for number in range(1000):
        fact = dice.choice(whole).model_copy(update={"session_id": f"s-{dice.randrange(5)}"})
        data = encode(fact)
        if dice.random() < 0.7:
            data = bytes(msgpack.packb(mutated({**msgpack.unpackb(data), "event_id": f"m-{number}"}, dice)))
        else:
            data = damaged(data, dice)
        if not of_a_newer_program(subject_of(fact), data):
            ack = await js.publish(subject_of(fact), data, stream=VOICE)
    last = await append(broker, turn("the last one", 1))
    assert last > ack.seq
    await tables.reach(last)
    assert await verify(database, connection(broker)) == []
    assert projector.status().state in ("live", "catching up")


async def test_a_fact_that_postgres_refuses_becomes_a_dead_letter_and_the_projection_goes_on(
    broker: NatsBroker, projector: PostgresProjector, tables: Tables, database: str
) -> None:
    await tables.reach(await append(broker, turn("before")))
    await tables.run("ALTER TABLE agents.conversations ADD CONSTRAINT no_owls CHECK (user_text <> 'owls')")
    refused = await append(broker, turn("owls", 1))
    last = await append(broker, turn("after", 2))
    await tables.reach(last)
    nc = connection(broker)
    [letter] = await dead_letters(connection(broker))
    assert (letter.durable, letter.subject) == (POSTGRES.process, "voice.s-1.turn.recorded")
    assert f"event {refused} (TurnRecorded of s-1) cannot be stored" in letter.reason
    assert [row["user_text"] for row in await tables.all("conversations")] == ["before", "after"]
    assert projector.status().errors == 1
    assert await verify(database, nc) == []
    with pytest.raises(NotTaken, match="daredevil projections rebuild postgres"):
        await put_back(nc, letter)

    await rebuild(database, nc, lambda *_: None)
    assert [row["user_text"] for row in await tables.all("conversations")] == ["before", "owls", "after"]
    assert await dead_letters(connection(broker)) == []
    assert await verify(database, nc) == []


async def test_a_damaged_embedding_costs_only_itself(
    broker: NatsBroker, projector: PostgresProjector, tables: Tables, database: str
) -> None:
    await append(broker, turn("two numbers", 1, embedding="AAAAPwAAgL4=", embedding_model="small"))
    await append(broker, turn("one is missing", 2, embedding="AAAAPw==", embedding_model="small"))
    await tables.reach(await append(broker, turn("two again", 3, embedding="AAAAPwAAgL4=", embedding_model="small")))
    assert [row["embedding"] for row in await tables.all("conversations")] == ["[0.5,-0.25]", None, "[0.5,-0.25]"]
    assert projector.status().errors == 1
    assert await verify(database, connection(broker)) == []
