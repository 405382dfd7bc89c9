"""The sessions that persistence holds, on a real log."""

from collections.abc import Iterator
from itertools import count

import pytest
from faststream.nats import NatsBroker

from actors.persistence.record import record_of
from actors.persistence.session_state import MOST, SessionState
from actors.persistence.sessions import Sessions
from contracts.events import (
    Event,
    PlaybackFinished,
    ReplyClauseWritten,
    ReplyDiscarded,
    ReplyStarted,
    TurnEnded,
    TurnRecorded,
)
from infra.log.event_log import append, facts_after
from infra.log.taped_log import LiveLog
from infra.log.tapes import tapes_of


def _common(event_id: str, turn_id: str) -> dict[str, object]:
    return {"event_id": event_id, "session_id": "s", "time_ns": 1, "turn_id": turn_id}


def asked(number: int) -> list[Event]:
    """A turn and the answer to it, until it is to be heard."""
    turn, reply = f"t{number}", f"r{number}"
    return [
        TurnEnded.model_validate(
            _common(f"{turn}-ended", turn) | {"participant_id": "p", "text": f"Question {number}?"}
        ),
        ReplyStarted.model_validate(_common(f"{reply}-started", turn) | {"reply_id": reply, "text": ""}),
        ReplyClauseWritten.model_validate(
            _common(f"{reply}-clause", turn) | {"reply_id": reply, "index": 0, "text": f"Answer {number}."}
        ),
    ]


def heard(number: int) -> PlaybackFinished:
    return PlaybackFinished.model_validate(
        _common(f"r{number}-heard", f"t{number}")
        | {"reply_id": f"r{number}", "heard_text": f"Answer {number}.", "played_samples": 9}
    )


async def exchange(broker: NatsBroker, sessions: Sessions, number: int) -> TurnRecorded:
    for event in (*asked(number), heard(number)):
        await append(broker, event)
    record = record_of(await sessions.at(heard(number)), heard(number), 7)
    assert record is not None
    await append(broker, record)
    return record


async def test_each_exchange_of_a_long_session_is_recorded_and_little_is_held(broker: NatsBroker) -> None:
    sessions = Sessions(LiveLog(broker, tapes_of(broker)))
    for number in range(MOST + 20):
        record = await exchange(broker, sessions, number)
        assert (record.user_text, record.written_text) == (f"Question {number}?", f"Answer {number}.")
    session = await sessions.at(heard(MOST))
    assert len(session.turns) == MOST
    assert session.replies == {}
    assert record_of(session, heard(3), 8) is None


async def test_only_what_is_new_is_read(broker: NatsBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[int] = []

    async def counted(broker: NatsBroker, session_id: str, after: int, *_: object) -> list[object]:
        facts = await facts_after(broker, session_id, after)
        reads.append(len(facts))
        return list(facts)

    monkeypatch.setattr("infra.log.taped_log.facts_after", counted)
    sessions = Sessions(LiveLog(broker, tapes_of(broker)))
    for number in range(10):
        await exchange(broker, sessions, number)
    assert reads == [4, *[5] * 9]


async def test_an_answer_to_a_turn_that_is_no_longer_held_is_recorded_whole(broker: NatsBroker) -> None:
    sessions = Sessions(LiveLog(broker, tapes_of(broker)))
    for event in asked(1000):
        await append(broker, event)
    for number in range(MOST + 5):
        await exchange(broker, sessions, number)
    await append(broker, heard(1000))
    record = record_of(await sessions.at(heard(1000)), heard(1000), 7)
    assert record is not None
    assert (record.user_text, record.written_text) == ("Question 1000?", "Answer 1000.")


async def test_a_session_that_is_not_held_is_read_from_its_beginning(broker: NatsBroker) -> None:
    sessions = Sessions(LiveLog(broker, tapes_of(broker)), most=1)
    await exchange(broker, sessions, 0)
    other = heard(0).model_copy(update={"session_id": "another", "event_id": "another"})
    await sessions.at(other)
    assert len(sessions) == 1
    assert (await exchange(broker, sessions, 1)).user_text == "Question 1?"
    sessions.forget("s")
    assert len(sessions) == 0
    assert (await exchange(broker, sessions, 2)).user_text == "Question 2?"


@pytest.fixture
def sequences() -> Iterator[int]:
    return count(1)


def test_drafts_that_are_discarded_are_not_held(sequences: Iterator[int]) -> None:
    session = SessionState()
    for number in range(3):
        for event in asked(number):
            session.apply(event, next(sequences))
        discarded = ReplyDiscarded.model_validate(_common(f"d{number}", f"t{number}") | {"reply_id": f"r{number}"})
        session.apply(discarded, next(sequences))
    assert session.replies == {}


def test_facts_that_come_again_change_nothing(sequences: Iterator[int]) -> None:
    session, again = SessionState(), SessionState()
    for event in (*asked(0), heard(0)):
        session.apply(event, sequence := next(sequences))
        again.apply(event, sequence)
        again.apply(event, sequence)
    assert session == again
