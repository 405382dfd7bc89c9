import numpy as np
import pytest

from infra.bench.first_call import as_plain, first_calls, plans_of_start
from infra.bench.gap import CallFigures, CallPlan
from infra.caller import Sound
from infra.cli.json_output import OUTPUTS


def a_call(gap_ms: float | None, problem: str = "", early: bool = False, **parts: float) -> CallFigures:
    return CallFigures("a.wav", False, "a", "a", gap_ms=gap_ms, parts=parts, problem=problem, early=early)


def test_first_calls_are_compared_with_the_later_ones_of_all_starts() -> None:
    starts = [
        [a_call(900, stt_ms=300), a_call(500, stt_ms=100), a_call(520, stt_ms=120)],
        [a_call(700, stt_ms=200), a_call(540, stt_ms=140)],
    ]
    figures = first_calls(starts)
    assert (figures.first_ms, figures.first_median_ms) == ([900, 700], 800)
    assert (figures.later_median_ms, figures.later_range_ms) == (520, (500, 540))
    assert figures.added_ms == 280
    assert figures.parts_added_ms["stt_ms"] == pytest.approx(130)
    OUTPUTS["bench first-call"].model().model_validate(as_plain(starts))


def test_calls_that_failed_or_were_answered_early_are_counted() -> None:
    figures = first_calls([[a_call(None, "no answer was heard")], [a_call(500, early=True)]])
    assert (figures.failed, figures.early, figures.first_ms) == (1, 1, [500])
    assert figures.later_median_ms == 0


def test_each_start_goes_on_in_the_list_of_calls() -> None:
    plans = [CallPlan(name, Sound(np.zeros(1, np.int16), 16_000), 1, "") for name in "abc"]
    assert [[plan.wav for plan in plans_of_start(plans, start, 2)] for start in range(3)] == [
        ["a", "b"],
        ["c", "a"],
        ["b", "c"],
    ]
