"""A session that a tool ends: not before all that is to be said was heard."""

from typing import Any

from bridge.call.last_words import PATIENCE_S, LastWords
from contracts import events as e

NOW_NS = 1_000


def after(*facts: tuple[type[e.Event], dict[str, Any]]) -> LastWords:
    words = LastWords()
    for event_class, fields in facts:
        common = {"event_id": "e", "session_id": "s", "time_ns": NOW_NS}
        words.apply(event_class(**common | fields))
    return words


END = (e.EndRequested, {"reason": "agent"})
STARTED = (e.ReplyStarted, {"reply_id": "r", "text": "Bye."})
DRAFTED = (e.ReplyStarted, {"reply_id": "r", "text": "Bye.", "draft": True})
COMMITTED = (e.ReplyCommitted, {"reply_id": "r"})
COMPLETED = (e.ReplyCompleted, {"reply_id": "r", "text": "Goodbye.", "clauses": 1})
EMPTY = (e.ReplyCompleted, {"reply_id": "r", "text": "", "clauses": 0})
HEARD = (e.PlaybackFinished, {"reply_id": "r", "heard_text": "Goodbye.", "played_samples": 9})
CUT = (e.PlaybackInterrupted, {"reply_id": "r", "heard_text": "Good", "played_samples": 4, "clause_index": 0})


def test_a_session_goes_on_unless_it_is_to_end() -> None:
    assert after(STARTED, COMPLETED, HEARD).reason_to_end(NOW_NS) == ""


def test_the_answer_that_is_being_said_is_heard_first() -> None:
    assert after(STARTED, END, COMPLETED).reason_to_end(NOW_NS) == ""
    assert after(STARTED, END, COMPLETED, HEARD).reason_to_end(NOW_NS) == "agent"
    assert after(DRAFTED, COMMITTED, END).reason_to_end(NOW_NS) == ""


def test_nothing_is_waited_for_that_nobody_will_hear() -> None:
    for facts in ((END,), (DRAFTED, END), (STARTED, END, EMPTY), (STARTED, END, CUT)):
        assert after(*facts).reason_to_end(NOW_NS) == "agent"


def test_a_remark_that_was_asked_for_is_heard_first() -> None:
    remark = (e.RemarkRequested, {"event_id": "remark", "text": "Bye."})
    begun = (e.ReplyStarted, {"reply_id": "r", "text": "", "cause_id": "remark"})
    assert after(remark, END).reason_to_end(NOW_NS) == ""
    assert after(remark, END, begun, COMPLETED).reason_to_end(NOW_NS) == ""
    assert after(remark, END, begun, COMPLETED, HEARD).reason_to_end(NOW_NS) == "agent"


def test_an_answer_that_does_not_come_is_not_waited_for_longer_than_its_patience() -> None:
    late_ns = NOW_NS + round((PATIENCE_S + 1) * 1e9)
    assert after(STARTED, END).reason_to_end(late_ns) == "agent"
