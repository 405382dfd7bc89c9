"""How far the projection is, whatever the order in which topics answer."""

from projections.pulsar.window import Window


def test_the_position_is_the_last_fact_with_everything_before_it_stored() -> None:
    window = Window("ab", 10)
    window.sent(11, "ab")
    window.sent(12, "a")
    window.sent(14, "ab")
    assert (window.position, window.in_flight) == (10, 5)
    assert window.stored({"a": 14, "b": -1}) == 3
    assert (window.position, window.in_flight) == (10, 2)
    assert window.stored({"a": 14, "b": 11}) == 1
    assert (window.position, window.in_flight) == (13, 1)  # there is no fact 13: all up to it is stored
    assert window.stored({"a": 14, "b": 14}) == 1
    assert (window.position, window.in_flight) == (14, 0)


def test_a_fact_that_goes_nowhere_waits_for_those_before_it() -> None:
    window = Window("a")
    window.sent(1, "")
    assert window.position == 1
    window.sent(2, "a")
    window.sent(3, "")
    assert window.position == 1
    window.stored({"a": 2})
    assert window.position == 3


def test_nothing_new_changes_nothing() -> None:
    window = Window("a", 7)
    window.sent(8, "a")
    assert window.stored({"a": 7}) == 0
    assert (window.position, window.in_flight) == (7, 1)
