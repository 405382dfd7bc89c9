"""An opener is due where the score is between, once its silence has passed and while the answer is not near."""

import pytest

from actors.transcript.opener import OpenerRule
from actors.transcript.patience import Reason, Required

RULE = OpenerRule("Well,", silence_ms=200)


def test_it_is_due_after_its_silence_where_the_score_is_between() -> None:
    required = Required(700, 0.5, "between")
    assert not RULE.is_due(required, 199, "")
    assert RULE.is_due(required, 200, "")
    assert RULE.is_due(required, 450, "")
    assert not RULE.is_due(required, 451, ""), "the answer itself is near"


@pytest.mark.parametrize(
    "reason", ["sure", "goes-on", "question", "answer", "greeting", "hesitation", "number", "list"]
)
def test_where_anything_else_decides_there_is_none(reason: Reason) -> None:
    assert not RULE.is_due(Required(700, 0.5, reason), 300, "")


def test_it_is_never_due_without_a_score() -> None:
    assert not RULE.is_due(Required(700, None, "no-score"), 300, "")


def test_an_answer_that_begins_with_it_has_none_before() -> None:
    assert not RULE.is_due(Required(700, 0.5, "between"), 300, "well that depends")
    assert RULE.is_due(Required(700, 0.5, "between"), 300, "Wells are deep.")
    assert not OpenerRule("", 200).is_due(Required(700, 0.5, "between"), 300, "")
