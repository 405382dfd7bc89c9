"""What was said in turns that nothing answers any more."""

from collections.abc import Iterable
from typing import Any

import pytest
from faststream.nats import NatsBroker

from actors.persistence import actor
from actors.persistence.session_state import SessionState
from actors.persistence.unanswered import left_at_close, passed_over
from contracts import events as e
from infra.log.event_log import append
from tests.actors.running import facts_until, running


def _common(event_id: str, turn_id: str | None = None) -> dict[str, Any]:
    return {"event_id": event_id, "session_id": "s", "time_ns": 1, "turn_id": turn_id}


def ended(turn: str, text: str) -> e.TurnEnded:
    return e.TurnEnded(**_common(f"{turn}-ended", turn), participant_id="p", text=text)


def started(reply: str, turn: str) -> e.ReplyStarted:
    return e.ReplyStarted(**_common(f"{reply}-started", turn), reply_id=reply, text="")


def discarded(reply: str, turn: str) -> e.ReplyDiscarded:
    return e.ReplyDiscarded(**_common(f"{reply}-discarded", turn), reply_id=reply, reason="another turn came first")


def heard(reply: str, turn: str) -> e.PlaybackStarted:
    return e.PlaybackStarted(**_common(f"{reply}-heard", turn), reply_id=reply)


def finished(reply: str, turn: str) -> e.PlaybackFinished:
    return e.PlaybackFinished(**_common(f"{reply}-end", turn), reply_id=reply, heard_text="Hi.", played_samples=9)


NAME, PLACE = ended("t1", "My name is Anna."), ended("t2", "And I live in Bern.")
OVERTAKEN: list[e.Event] = [
    NAME,
    started("r1", "t1"),
    PLACE,
    discarded("r1", "t1"),
    started("r2", "t2"),
    heard("r2", "t2"),
]
CLOSED = e.SessionClosed(**_common("closed"), reason="hangup")


def state_of(facts: Iterable[e.Event]) -> SessionState:
    session = SessionState()
    for sequence, fact in enumerate(facts, 1):
        session.apply(fact, sequence)
    return session


def test_the_words_of_a_turn_whose_answer_came_too_late_are_recorded_with_the_next_one() -> None:
    [record] = passed_over(state_of([*OVERTAKEN, finished("r2", "t2")]), finished("r2", "t2"), 7)
    assert (record.turn_id, record.user_text, record.heard_text) == ("t1", "My name is Anna.", "")
    assert (record.interrupted, record.participant_id, record.turn_ended_ns, record.cause_id) == (
        True,
        "p",
        1,
        "r2-end",
    )
    assert record.reply_id not in ("r1", "r2")


def test_so_are_those_of_a_turn_for_which_no_answer_was_begun() -> None:
    facts = [fact for fact in OVERTAKEN if getattr(fact, "reply_id", "") != "r1"]
    [record] = passed_over(state_of(facts), finished("r2", "t2"), 7)
    assert record.turn_id == "t1"


@pytest.mark.parametrize(
    "also",
    [
        [e.TurnPassed(**_common("passed", "t1"), participant_id="p", reason="unnamed")],
        [e.TurnGuarded(**_common("guarded", "t1"), participant_id="p", text=NAME.text, decision="dropped")],
        [started("r3", "t1")],
        [e.TurnRecorded(**_common("recorded", "t1"), reply_id="r1", user_text="", written_text="", heard_text="")],
    ],
    ids=["not-for-the-agent", "kept-away-by-a-guard", "still-being-answered", "recorded"],
)
def test_a_turn_is_not_recorded_as_unanswered(also: list[e.Event]) -> None:
    assert list(passed_over(state_of([*OVERTAKEN, *also]), finished("r2", "t2"), 7)) == []


def test_later_turns_are_still_to_be_answered() -> None:
    facts = [NAME, started("r1", "t1"), heard("r1", "t1"), PLACE]
    assert list(passed_over(state_of(facts), finished("r1", "t1"), 7)) == []


def test_the_end_of_a_greeting_leaves_no_turn_unanswered() -> None:
    greeting = e.PlaybackFinished(**_common("greeted", "g"), reply_id="g", heard_text="Hello!", played_samples=9)
    assert list(passed_over(state_of([NAME]), greeting, 7)) == []


def test_what_was_said_before_hanging_up_is_recorded_once() -> None:
    facts = [NAME, started("r1", "t1"), CLOSED]
    [record] = left_at_close(state_of(facts), CLOSED, 7)
    assert (record.turn_id, record.user_text, record.cause_id) == ("t1", "My name is Anna.", "closed")
    assert list(left_at_close(state_of([*facts, record]), CLOSED, 7)) == []


def test_the_turn_of_a_reply_that_was_being_played_is_recorded_by_the_end_of_that() -> None:
    assert list(left_at_close(state_of([NAME, started("r1", "t1"), heard("r1", "t1"), CLOSED]), CLOSED, 7)) == []


def test_nothing_is_left_while_the_session_is_open() -> None:
    assert list(left_at_close(state_of([NAME]), NAME, 7)) == []


def _said(facts: list[e.Event]) -> list[tuple[str | None, str, str]]:
    return [(fact.turn_id, fact.user_text, fact.heard_text) for fact in facts if isinstance(fact, e.TurnRecorded)]


async def test_every_turn_of_a_call_has_a_record_also_the_last_words_before_hanging_up(broker: NatsBroker) -> None:
    late = ended("t3", "Good")
    async with running(actor.make(), "persistence", broker):
        for event in (*OVERTAKEN, finished("r2", "t2"), CLOSED, late, late):
            await append(broker, event)
        facts = await facts_until(broker, "s", lambda facts: len(_said(facts)) == 3)
    assert _said(facts) == [
        ("t1", "My name is Anna.", ""),
        ("t2", "And I live in Bern.", "Hi."),
        ("t3", "Good", ""),
    ]
