"""The calls of tools that a session's facts tell of."""

from typing import Any

from contracts import events as e
from infra.session.tool_calls import folded, settlement

FIELDS = {"session_id": "s-1", "time_ns": 1, "reply_id": "r", "tool": "order"}


def called(call_id: str, kind: str = "action") -> e.ToolCalled:
    fields: dict[str, Any] = {**FIELDS, "event_id": f"called-{call_id}", "call_id": call_id, "kind": kind}
    return e.ToolCalled(**fields)


def returned(call_id: str, **fields: Any) -> e.ToolReturned:
    return e.ToolReturned(**{**FIELDS, "event_id": f"returned-{call_id}", "call_id": call_id, **fields})


def test_actions_that_may_have_taken_effect_are_unknown_and_readers_never() -> None:
    facts = [
        *(called(each) for each in ("open", "ok", "unknown", "late", "failed")),
        called("reader", "reader"),
        returned("ok", outcome="ok", result="done"),
        returned("unknown", outcome="unknown", error="?"),
        returned("late", outcome="timed-out", error="it took longer than 15 s"),
        returned("failed", outcome="failed", error="no"),
    ]
    calls = folded(facts)
    assert [call.call_id for call in calls if call.is_unknown] == ["open", "unknown", "late"]
    assert [call.outcome for call in calls] == ["open", "ok", "unknown", "timed-out", "failed", "open"]


def test_what_an_older_build_wrote_has_its_outcome_from_the_error() -> None:
    calls = folded([called("a"), called("b"), returned("a"), returned("b", error="no")])
    assert [call.outcome for call in calls] == ["ok", "failed"]


def test_a_call_that_is_settled_is_no_longer_unknown_and_the_first_return_counts() -> None:
    facts = [called("a"), returned("a", outcome="unknown", error="?"), returned("a", outcome="ok", result="later")]
    (call,) = folded(facts)
    assert (call.outcome, call.error) == ("unknown", "?")
    settled = settlement(call, "booked", None, "sam", 2)
    (call,) = folded([*facts, settled])
    assert (call.is_unknown, call.result, call.error, call.settled_by) == (False, "booked", "", "sam")
