"""What tapes add to the gap, from the same calls with and without them."""

from infra.bench.gap import CallFigures
from infra.bench.tapes_cost import sessions_with_tapes, tapes_cost


def answered(gap_ms: float | None, session_id: str = "") -> CallFigures:
    return CallFigures("a.wav", False, "a", "a", session_id, gap_ms)


def test_the_difference_is_taken_call_by_call_over_those_that_both_answered() -> None:
    pairs = [
        (answered(500), answered(501)),
        (answered(700), answered(698)),
        (answered(None), answered(900)),
        (answered(600), answered(607)),
    ]
    cost = tapes_cost(pairs)
    assert (cost.pairs, cost.answered_by_both) == (4, 3)
    assert (cost.without_median_ms, cost.with_median_ms, cost.added_median_ms) == (600, 607, 1)
    assert cost.added_quartiles_ms == (-0.5, 4)
    assert cost.added_range_ms == (-2, 7)
    assert "median +1.0 ms, quartiles -0.5 to +4.0, all -2.0 to +7.0 ms" in cost.lines()[1]


def test_only_sessions_of_the_system_with_tapes_are_weighed() -> None:
    assert sessions_with_tapes([(answered(1, "a"), answered(2, "b")), (answered(1, "c"), answered(None))]) == ["b"]
