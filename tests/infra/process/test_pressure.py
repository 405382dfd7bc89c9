"""Figures that are smoothed, and limits that do not flicker."""

import pytest

from infra.process.pressure import Limit, RecentAnswers, Smoothed


def test_a_single_high_value_moves_the_average_little_and_a_lasting_one_wholly() -> None:
    lag = Smoothed(over_s=3)
    for tick in range(20):
        lag.note(0.0, tick * 0.25)
    assert lag.note(1.0, 5.0) == pytest.approx(0.08, abs=0.01)
    for tick in range(1, 60):
        lag.note(1.0, 5.0 + tick * 0.25)
    assert lag.value > 0.98


def test_the_average_does_not_depend_on_how_often_it_is_taken() -> None:
    often, seldom = Smoothed(over_s=3), Smoothed(over_s=3)
    for tick in range(41):
        often.note(1.0, tick * 0.1)
    for tick in range(5):
        seldom.note(1.0, tick * 1.0)
    assert often.value == pytest.approx(seldom.value)


def test_a_limit_is_exceeded_after_a_while_and_kept_after_a_longer_one() -> None:
    limit = Limit(high=10, low=5, for_s=2, calm_s=5)
    assert [limit.note(12, now_s) for now_s in (0, 1, 2)] == [False, False, True]
    assert limit.note(7, 3)  # between the bounds nothing changes
    assert [limit.note(4, now_s) for now_s in (4, 8, 9)] == [True, True, False]
    assert not limit.note(7, 10)


def test_a_level_that_comes_and_goes_is_not_too_high() -> None:
    limit = Limit(high=10, low=5, for_s=2, calm_s=5)
    assert not any(limit.note(12 if now_s % 2 else 1, now_s) for now_s in range(30))


def test_answers_are_counted_for_as_long_as_they_are_recent() -> None:
    answers = RecentAnswers(within_s=30)
    assert (answers.sessions(0), answers.median_ms(0)) == (0, 0.0)
    for at_s, session_id, late_ms in ((0, "a", 200), (1, "b", 4_000), (2, "a", 5_000), (3, "c", 300)):
        answers.note(session_id, late_ms, at_s)
    assert (answers.sessions(3), answers.median_ms(3)) == (3, 4_000)
    assert (answers.sessions(32.5), answers.median_ms(32.5)) == (1, 300)
    assert answers.sessions(40) == 0
