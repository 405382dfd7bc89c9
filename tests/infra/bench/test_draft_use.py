from typing import Any

import pytest

from infra.bench.draft_use import DraftUse, draft_use, total


def fact(name: str, reply_id: str, **data: Any) -> dict[str, Any]:
    return {"name": name, "data": {"reply_id": reply_id, **data}}


def test_what_was_written_for_discarded_drafts_is_told_apart_from_what_was_kept() -> None:
    facts = [
        fact("ReplyStarted", "r1", draft=True),
        fact("ReplyDiscarded", "r1", tokens=6),
        fact("ReplyStarted", "r2", draft=True),
        fact("ReplyCommitted", "r2"),
        fact("ReplyCompleted", "r2", tokens=20),
        fact("ReplyStarted", "r3", draft=False),
        fact("ReplyCompleted", "r3", tokens=10),
    ]
    use = draft_use(facts)
    assert use == DraftUse(started=2, discarded=1, tokens_kept=30, tokens_discarded=6)
    assert use.waste == pytest.approx(1.2)


def test_a_draft_that_was_written_to_its_end_before_it_was_discarded_counts_once() -> None:
    facts = [
        fact("ReplyStarted", "r1", draft=True),
        fact("ReplyCompleted", "r1", tokens=12),
        fact("ReplyDiscarded", "r1", tokens=12),
    ]
    assert draft_use(facts) == DraftUse(started=1, discarded=1, tokens_kept=0, tokens_discarded=12)
    assert draft_use(facts).waste is None


def test_tokens_that_nobody_counted_are_none() -> None:
    facts = [fact("ReplyStarted", "r1", draft=True), fact("ReplyDiscarded", "r1", tokens=None)]
    assert draft_use(facts) == DraftUse(started=1, discarded=1)


def test_calls_are_added_up() -> None:
    assert total([DraftUse(1, 0, 10, 0), DraftUse(2, 1, 5, 3)]) == DraftUse(3, 1, 15, 3)
    assert total([]) == DraftUse()
