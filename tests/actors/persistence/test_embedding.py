"""What a record gets by its embedding, and what is said when there is none."""

from collections.abc import Sequence

import numpy as np
from faststream.nats import NatsBroker

from actors.persistence.actor import Records
from contracts.events import EngineFailed, SessionOpened, TurnRecorded
from infra.engines.embedding import EmbeddingFailed, Vector, from_bytes
from infra.log.event_log import append, facts_after
from infra.log.taped_log import LiveLog
from infra.log.tapes import tapes_of
from tests.actors.persistence.test_record import EXCHANGE, FINISHED, TURN, record_of
from tests.actors.reasoning.facts import opened


class Embedder:
    name = "fake"

    def __init__(self, error: str = "") -> None:
        self.texts: list[str] = []
        self._error = error

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        if self._error:
            raise EmbeddingFailed(self._error)
        self.texts += texts
        return [np.array([0.6, 0.8], np.float32) for _ in texts]


OPENED: SessionOpened = opened().model_copy(update={"session_id": "s", "user_id": "sam"})


async def kept(broker: NatsBroker, embedder: Embedder | None) -> tuple[TurnRecorded, list[EngineFailed]]:
    for event in (OPENED, *EXCHANGE, FINISHED):
        await append(broker, event)
    tapes = tapes_of(broker)
    await Records(LiveLog(broker, tapes), tapes, embedder).record(FINISHED)
    facts = [fact.event for fact in await facts_after(broker, "s")]
    (turn,) = (fact for fact in facts if isinstance(fact, TurnRecorded))
    return turn, [fact for fact in facts if isinstance(fact, EngineFailed)]


async def test_a_record_holds_the_embedding_of_what_was_said_and_heard(broker: NatsBroker) -> None:
    embedder = Embedder()
    turn, failures = await kept(broker, embedder)
    assert embedder.texts == ["What time is it?\nIt is noon. Lunch time!"]
    assert from_bytes(turn.embedding).tolist() == np.array([0.6, 0.8], np.float32).tolist()
    assert (turn.embedding_model, failures) == ("fake", [])


async def test_a_failure_is_reported_and_the_turn_is_recorded_all_the_same(broker: NatsBroker) -> None:
    turn, (failure,) = await kept(broker, Embedder("no key"))
    assert (turn.embedding, turn.embedding_model) == (b"", "")
    assert (failure.engine, failure.error) == ("fake", "no key")


async def test_without_an_embedder_there_is_none(broker: NatsBroker) -> None:
    turn, failures = await kept(broker, None)
    assert (turn.heard_text, turn.embedding, failures) == (FINISHED.heard_text, b"", [])


def test_a_record_says_whose_it_is_and_when_the_floor_was_given_up() -> None:
    record = record_of([OPENED, *EXCHANGE, FINISHED], FINISHED, 7)
    assert record is not None
    assert (record.user_id, record.turn_ended_ns) == ("sam", TURN.time_ns)
