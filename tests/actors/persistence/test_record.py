"""One exchange out of a session's facts."""

from typing import Any

import pytest

from actors.persistence.record import record_of as record_of_session
from actors.persistence.session_state import SessionState
from contracts.events import (
    Event,
    LatencyParts,
    ParticipantJoined,
    PlaybackFinished,
    PlaybackInterrupted,
    PlaybackStarted,
    ReplyClauseWritten,
    ReplyCompleted,
    ReplyStarted,
    TurnEnded,
    TurnGuarded,
    TurnRecorded,
)


def _common(event_id: str, turn_id: str | None = "t") -> dict[str, Any]:
    return {"event_id": event_id, "session_id": "s", "time_ns": 1, "turn_id": turn_id}


TURN = TurnEnded(**_common("turn"), participant_id="p", text="What time is it?")
STARTED = ReplyStarted(**_common("started"), reply_id="r", text="What time is")
CLAUSES = [
    ReplyClauseWritten(**_common(f"c{index}"), reply_id="r", index=index, text=text)
    for index, text in enumerate(["It is noon.", "Lunch time!"])
]
COMPLETED = ReplyCompleted(**_common("completed"), reply_id="r", text="It is noon. Lunch time!", clauses=2)
PARTS = LatencyParts(endpointing_ms=300)
HEARD = PlaybackStarted(**_common("heard"), reply_id="r", gap_ms=450, parts=PARTS)
FINISHED = PlaybackFinished(**_common("finished"), reply_id="r", heard_text="It is noon. Lunch time!", played_samples=9)
CUT = PlaybackInterrupted(**_common("cut"), reply_id="r", heard_text="It is", played_samples=3)
EXCHANGE: list[Event] = [TURN, STARTED, *CLAUSES, COMPLETED, HEARD]


def record_of(facts: list[Event], played: PlaybackFinished | PlaybackInterrupted, time_ns: int) -> TurnRecorded | None:
    session = SessionState()
    for sequence, fact in enumerate(facts, 1):
        session.apply(fact, sequence)
    return record_of_session(session, played, time_ns)


def test_an_exchange_that_was_heard_to_its_end() -> None:
    record = record_of([*EXCHANGE, FINISHED], FINISHED, 7)
    assert record is not None
    assert (record.user_text, record.written_text) == ("What time is it?", "It is noon. Lunch time!")
    assert (record.heard_text, record.interrupted) == ("It is noon. Lunch time!", False)
    assert (record.gap_ms, record.parts, record.turn_id, record.cause_id) == (450, PARTS, "t", "finished")


def test_an_interrupted_exchange_has_what_was_heard_and_the_clauses_written_so_far() -> None:
    record = record_of([TURN, STARTED, *CLAUSES, HEARD, CUT], CUT, 7)
    assert record is not None
    assert (record.heard_text, record.interrupted, record.written_text) == ("It is", True, "It is noon. Lunch time!")


def test_it_has_one_id_however_the_playback_ended_and_is_not_made_again() -> None:
    first, second = record_of([*EXCHANGE, CUT], CUT, 7), record_of([*EXCHANGE, FINISHED], FINISHED, 8)
    assert first is not None
    assert second is not None
    assert first.event_id == second.event_id
    assert record_of([*EXCHANGE, CUT, first], CUT, 9) is None


@pytest.mark.parametrize(
    ("decision", "replacement", "kept"),
    [
        ("replaced", "What [time] is it?", "What [time] is it?"),
        ("answered", "I have no clock.", ""),
        ("passed", "", "What time is it?"),
    ],
)
def test_a_record_has_the_words_as_models_may_read_them(decision: Any, replacement: str, kept: str) -> None:
    words = {"text": "what time is it", "decision": decision, "replacement": replacement}
    guarded = TurnGuarded(**_common("guarded"), participant_id="p", **words)
    of_others = TurnGuarded(**_common("other", "t2"), participant_id="p", **{**words, "decision": "dropped"})
    record = record_of([TURN, guarded, of_others, *EXCHANGE[1:], FINISHED], FINISHED, 7)
    assert record is not None
    assert record.user_text == kept


def test_a_greeting_answers_no_words() -> None:
    started = ReplyStarted(**_common("started", None), reply_id="g", text="")
    finished = PlaybackFinished(**_common("finished", None), reply_id="g", heard_text="Hello!", played_samples=9)
    record = record_of([TURN, started, finished], finished, 7)
    assert record is not None
    assert (record.user_text, record.heard_text, record.gap_ms) == ("", "Hello!", None)


@pytest.mark.parametrize("ended", [FINISHED, CUT])
def test_playback_of_an_unknown_reply_is_recorded_with_what_is_known(
    ended: PlaybackFinished | PlaybackInterrupted,
) -> None:
    record = record_of([ended], ended, 7)
    assert record is not None
    assert (record.user_text, record.written_text, record.heard_text) == ("", "", ended.heard_text)


def test_a_record_says_whose_turn_it_was_and_whose_memory_it_is() -> None:
    people = [
        ParticipantJoined(**_common(f"join-{name}", None), participant_id=name, name=name.title(), identity=f"{name}@x")
        for name in ("p", "q")
    ]
    record = record_of([*people, *EXCHANGE, FINISHED], FINISHED, 7)
    assert record is not None
    assert (record.participant_id, record.speaker, record.user_id) == ("p", "P", "p@x")
    alone = record_of([*EXCHANGE, FINISHED], FINISHED, 7)
    assert alone is not None
    assert (alone.participant_id, alone.speaker) == ("p", "")
