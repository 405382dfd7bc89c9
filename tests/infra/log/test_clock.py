"""The time of facts while the wall clock steps."""

from infra.log.clock import IDLE_NS, SteadyClock

HOUR_NS = 3_600_000_000_000


class Machine:
    """A wall clock that can be set, and one that only goes on."""

    def __init__(self) -> None:
        self.wall_ns, self.elapsed_ns = 1_700_000_000_000_000_000, 5_000
        self.clock = SteadyClock(lambda: self.wall_ns, lambda: self.elapsed_ns)

    def wait(self, ns: int, step_ns: int = 0) -> None:
        self.wall_ns += ns + step_ns
        self.elapsed_ns += ns


def test_a_step_of_the_wall_clock_in_mid_turn_is_not_followed() -> None:
    for step_ns in (-HOUR_NS, HOUR_NS):
        machine = Machine()
        before_ns = machine.clock.now_ns()
        machine.wait(700_000_000, step_ns)
        assert machine.clock.now_ns() - before_ns == 700_000_000


def test_the_wall_clock_is_followed_again_when_nobody_has_asked_for_a_while() -> None:
    machine = Machine()
    machine.clock.now_ns()
    machine.wait(IDLE_NS, -HOUR_NS)
    assert machine.clock.peek_ns() == machine.wall_ns + HOUR_NS
    machine.wait(1)
    assert machine.clock.now_ns() == machine.wall_ns
    assert machine.clock.peek_ns() == machine.wall_ns


def test_a_wall_clock_that_is_only_a_little_apart_makes_no_step() -> None:
    machine = Machine()
    before_ns = machine.clock.now_ns()
    machine.wait(2 * IDLE_NS, 100_000_000)
    assert machine.clock.now_ns() - before_ns == 2 * IDLE_NS
