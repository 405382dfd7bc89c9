"""The time of facts: Unix epoch ns on a clock that does not step.

Durations are differences of such times, so within a process they follow the machine's monotonic clock: it is set to the
wall clock once, and again only when nobody has asked for the time for a while, that is between conversations. A step of
the wall clock in mid-turn therefore neither makes a gap negative nor an hour long.
"""

import time
from collections.abc import Callable

IDLE_NS = 30_000_000_000
"""After so long without a question the wall clock is followed again: no turn is in progress."""

APART_NS = 500_000_000
"""A wall clock that differs by less is only corrected by NTP's slewing, which the monotonic clock follows as well."""

_ELAPSED = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Goes on while the machine sleeps, where there is such a clock (Linux)."""


class SteadyClock:
    """`wall` is Unix epoch ns and may step; `elapsed` is ns that never go back."""

    def __init__(self, wall: Callable[[], int], elapsed: Callable[[], int]) -> None:
        self._wall = wall
        self._elapsed = elapsed
        self._offset_ns = wall() - elapsed()
        self._asked_ns = elapsed()

    def now_ns(self) -> int:
        """Return the time."""
        elapsed_ns = self._elapsed()
        if elapsed_ns - self._asked_ns > IDLE_NS:
            offset_ns = self._wall() - elapsed_ns
            if abs(offset_ns - self._offset_ns) > APART_NS:
                self._offset_ns = offset_ns
        self._asked_ns = elapsed_ns
        return self._offset_ns + elapsed_ns

    def peek_ns(self) -> int:
        """Return the time for one who asks all the time, and has no turn in progress by that."""
        return self._offset_ns + self._elapsed()


CLOCK = SteadyClock(time.time_ns, lambda: time.clock_gettime_ns(_ELAPSED))
