"""Calls that begin at once are as many as the machine is known to carry; a few always are."""

import pytest

from bridge.call.newcomers import UNANSWERED_S, Newcomers


def taken(new: Newcomers, calls: int, answered: int = 0, carried: float | None = None, now_s: float = 0.0) -> int:
    """Return how many of so many that call at once are taken."""
    count = 0
    for n in range(calls):
        if new.may_begin(f"s-{now_s}-{n}", answered, carried, now_s):
            new.began(f"s-{now_s}-{n}", now_s)
            count += 1
    return count


@pytest.mark.parametrize(
    ("cores", "answered", "carried", "expected"),
    [
        (0.5, 0, None, 3),  # a few find room anywhere
        (8.0, 0, None, 8),
        (2.0, 3, 4.9, 1),
        (2.0, 3, 9.0, 6),
        (2.0, 5, 4.0, 1),  # more than it carries is the limits' business: what one more costs may be less
        (2.0, 30, 200.0, 170),
    ],
)
def test_at_once_begin_as_many_as_are_known_to_fit(
    cores: float, answered: int, carried: float | None, expected: int
) -> None:
    assert taken(Newcomers(cores), 500, answered, carried) == expected


def test_the_next_one_is_taken_when_the_last_has_been_answered_or_has_ended() -> None:
    new = Newcomers(2.0)
    assert taken(new, 10) == 3
    new.known("s-0.0-0")
    assert not new.may_begin("next", answered=1, carried=None, now_s=1.0)
    new.known("s-0.0-1")
    assert new.may_begin("next", answered=2, carried=None, now_s=1.0)


def test_a_caller_who_says_nothing_is_waited_for_no_longer_than_some_seconds() -> None:
    new = Newcomers(1.0)
    assert taken(new, 5) == 3
    assert not new.may_begin("next", answered=0, carried=None, now_s=UNANSWERED_S - 0.1)
    assert new.may_begin("next", answered=0, carried=None, now_s=UNANSWERED_S)


def test_a_call_that_has_been_taken_is_not_refused_at_its_next_door() -> None:
    new = Newcomers(1.0)
    assert taken(new, 5) == 3
    assert new.may_begin("s-0.0-2", answered=0, carried=None, now_s=1.0)
    assert not new.may_begin("s-0.0-3", answered=0, carried=None, now_s=1.0)
