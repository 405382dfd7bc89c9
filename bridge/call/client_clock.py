"""Converts times of the client's clock to ours, by its fastest message, as a network only ever delays. Pure."""

WINDOW_NS = 30_000_000_000
"""How long the fastest message counts: in this time two clocks drift apart by some ms."""

LONGEST_AGO_NS = 30_000_000_000
"""A client's times older than this, or in the future, are ignored."""

LONGEST_AHEAD_NS = 1_000_000_000

Seen = tuple[int | None, int | None, int]
"""Our time less the client's by the fastest message of this window, and of the one before it; since when (all ns)."""


class ClientClock:
    """The clock of one connection: any monotonic one, in ms. Our times are ns."""

    def __init__(self, seen: Seen = (None, None, 0)) -> None:
        self._offset_ns, self._before_ns, self._since_ns = seen

    @property
    def seen(self) -> Seen:
        """What is known of it: a clock made of this converts alike."""
        return self._offset_ns, self._before_ns, self._since_ns

    def see(self, clock_ms: float, now_ns: int) -> None:
        """Note the client's clock at the sending of a message that arrives now."""
        offset_ns = now_ns - int(clock_ms * 1e6)
        if self._offset_ns is None or now_ns - self._since_ns > WINDOW_NS:
            self._before_ns, self._offset_ns, self._since_ns = self._offset_ns, offset_ns, now_ns
        self._offset_ns = min(self._offset_ns, offset_ns)

    def time_ns(self, at_ms: float, now_ns: int) -> int | None:
        """Return the time on our clock; None if the client's clock is unknown or its time is impossible."""
        if self._offset_ns is None:
            return None
        known = [offset_ns for offset_ns in (self._offset_ns, self._before_ns) if offset_ns is not None]
        at_ns = int(at_ms * 1e6) + min(known)
        return at_ns if now_ns - LONGEST_AGO_NS < at_ns < now_ns + LONGEST_AHEAD_NS else None
