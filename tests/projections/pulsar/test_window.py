"""How far everything is stored."""

from projections.pulsar.window import Window


def test_the_position_waits_for_the_oldest() -> None:
    window = Window(10)
    window.sent(11, 2)
    window.sent(12, 1)
    window.stored(12)
    assert (window.position, window.in_flight) == (10, 2)
    window.stored(11)
    assert window.position == 10
    window.stored(11)
    assert (window.position, window.in_flight) == (12, 0)


def test_a_fact_that_needs_no_message_counts_as_stored_in_its_turn() -> None:
    window = Window()
    window.sent(1, 0)
    assert window.position == 1
    window.sent(2, 1)
    window.sent(5, 0)
    assert window.position == 1
    window.stored(2)
    assert window.position == 5
