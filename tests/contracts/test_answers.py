"""An event that answers another: its common fields follow from the cause."""

import pytest
from pydantic import ValidationError

from contracts import events as e
from contracts.answers import Cause, answer
from contracts.ids import derive_id

CLAUSE = e.ReplyClauseWritten(
    event_id="clause-1", session_id="s-1", time_ns=1, turn_id="turn-1", reply_id="reply-1", index=0, text="Yes."
)


def committed(**how: str | int | None) -> e.ReplyCommitted:
    fields = {"reply_id": "reply-1"} | how
    return answer(CLAUSE, e.ReplyCommitted, time_ns=2, **fields)  # type: ignore[arg-type]


def test_the_common_fields_are_those_of_the_cause() -> None:
    event = committed()
    assert event == e.ReplyCommitted(
        event_id=derive_id("clause-1", "ReplyCommitted"),
        session_id="s-1",
        time_ns=2,
        cause_id="clause-1",
        turn_id="turn-1",
        reply_id="reply-1",
    )


def test_the_id_is_the_same_whenever_the_event_is_made_again() -> None:
    assert committed() == committed()
    later = answer(CLAUSE, e.ReplyCommitted, time_ns=3, reply_id="reply-1")
    assert later.event_id == committed().event_id


def test_what_the_id_follows_from_can_be_chosen() -> None:
    assert committed(id_from="reply-1").event_id == derive_id("reply-1", "ReplyCommitted")
    assert committed(id_name="Committed").event_id == derive_id("clause-1", "Committed")
    assert committed(id_n=2).event_id == derive_id("clause-1", "ReplyCommitted", 2)
    assert committed(id_from="reply-1").cause_id == "clause-1"


def test_turn_and_cause_can_be_others_than_the_causes() -> None:
    event = committed(turn_id="turn-2", cause_id="turn-event")
    assert (event.turn_id, event.cause_id) == ("turn-2", "turn-event")
    assert committed(turn_id=None).turn_id is None


def test_a_cause_that_is_no_event_needs_something_to_derive_the_id_from() -> None:
    event = answer(Cause("s-1"), e.SessionClosed, time_ns=2, id_from="s-1", reason="hangup")
    assert (event.event_id, event.cause_id, event.turn_id) == (derive_id("s-1", "SessionClosed"), None, None)
    with pytest.raises(ValueError, match="neither a cause nor `id_from`"):
        answer(Cause("s-1"), e.SessionClosed, time_ns=2, reason="hangup")


def test_a_field_that_the_class_does_not_have_is_refused() -> None:
    with pytest.raises(TypeError, match="ReplyCommitted has no field reply"):
        committed(reply="reply-1")


def test_a_value_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValidationError):
        committed(reply_id=None)
