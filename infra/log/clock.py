"""The time of facts: Unix epoch ns on a clock that does not step.

Durations are differences of such times, so within a process they follow the machine's monotonic clock. A step of the
wall clock during a turn therefore makes a gap neither negative nor an hour long.

A session's facts are appended by several processes, on one machine or more: they agree on the time
(`infra.log.common_time`). A process that has no other to agree with uses the wall clock's time, and sets it again
when nobody has asked for the time for a while, that is, between conversations.
"""

import time
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta

IDLE_NS = 30_000_000_000
"""After this long without a request for the time no turn is in progress, and the clock may be set."""

APART_NS = 500_000_000
"""A clock that differs by less is only corrected by NTP's slewing, which the monotonic clock follows as well."""

_ELAPSED = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Keeps running while the machine sleeps, where such a clock exists (Linux)."""


_EPOCH = datetime.fromtimestamp(0, UTC)


def elapsed_ns() -> int:
    """Return ns that never go back, the same for all processes of this machine until it restarts."""
    return time.clock_gettime_ns(_ELAPSED)


def time_ns_of(stamp: str) -> int:
    """Return a time as NATS writes it (RFC 3339) as Unix epoch ns, exact to the microsecond. Raises ValueError."""
    return (datetime.fromisoformat(stamp) - _EPOCH) // timedelta(microseconds=1) * 1000


class SteadyClock:
    """`wall` is Unix epoch ns and may step; `elapsed` is ns that never go back."""

    def __init__(self, wall: Callable[[], int], elapsed: Callable[[], int]) -> None:
        self._wall = wall
        self._elapsed = elapsed
        self._offset_ns = wall() - elapsed()
        self._asked_ns: int | None = None
        self._busy_since_ns = 0
        self._is_agreed = False

    def now_ns(self) -> int:
        """Return the time."""
        elapsed_ns = self._elapsed()
        if self._asked_ns is None or elapsed_ns - self._asked_ns > IDLE_NS:
            self._busy_since_ns = elapsed_ns
            if not self._is_agreed:
                self._follow(self._wall() - elapsed_ns)
        self._asked_ns = elapsed_ns
        return self._offset_ns + elapsed_ns

    def peek_ns(self) -> int:
        """Return the time without counting the call as activity: for callers that ask all the time."""
        return self._offset_ns + self._elapsed()

    def busy_ns(self) -> int:
        """Return for how many ns the clock has been in use without an idle period, 0 while it is idle."""
        elapsed_ns = self._elapsed()
        if self._asked_ns is None or elapsed_ns - self._asked_ns > IDLE_NS:
            return 0
        return max(1, elapsed_ns - self._busy_since_ns)

    def agree(self, time_ns: int) -> int:
        """Set the clock to the others' time; return by how many ns it was moved, 0 if the difference is negligible.

        From then on it no longer follows the wall clock.
        """
        self._is_agreed = True
        return self._follow(time_ns - self._elapsed())

    def _follow(self, offset_ns: int) -> int:
        apart_ns = offset_ns - self._offset_ns
        if abs(apart_ns) <= APART_NS:
            return 0
        self._offset_ns = offset_ns
        return apart_ns


CLOCK = SteadyClock(time.time_ns, elapsed_ns)
"""The time of this process."""

_OWN: ContextVar[SteadyClock | None] = ContextVar("own_clock", default=None)


def now_ns() -> int:
    """Return the time for an event: Unix epoch ns, on a clock that does not step within a conversation."""
    return (_OWN.get() or CLOCK).now_ns()


def use_clock(clock: SteadyClock) -> None:
    """Have `now_ns` read this clock in the current context and in tasks that are created in it: a virtual time."""
    _OWN.set(clock)
