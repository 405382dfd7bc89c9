"""Facts of the past in the door's time, as far as their order allows: other machines may be hours off. Pure."""

from collections.abc import Sequence

from contracts import events as e
from contracts.topology import BRIDGE, EVENTS

OF_THE_DOOR = tuple(row.event for row in EVENTS if row.publishers == (BRIDGE,))


def in_doors_time(events: Sequence[e.Event]) -> list[e.Event]:
    """Return a session's facts, given in the log's order, with times of the door's clock.

    What another process appended lies between the door's facts before and after it, whatever its own clock says.
    """
    latest: int | None = None
    bounds: list[int | None] = []
    for event in reversed(events):
        if isinstance(event, OF_THE_DOOR):
            latest = event.time_ns
        bounds.append(latest)
    earliest = 0
    placed: list[e.Event] = []
    for event, before_ns in zip(events, reversed(bounds), strict=True):
        if isinstance(event, OF_THE_DOOR):
            earliest = event.time_ns
            placed.append(event)
            continue
        at_ns = max(earliest, event.time_ns)
        at_ns = at_ns if before_ns is None else min(at_ns, before_ns)
        placed.append(event if at_ns == event.time_ns else event.model_copy(update={"time_ns": at_ns}))
    return placed
