"""When each fact of a replay is due: the log's order and the recorded distances, at a speed."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence

from infra.replay.recorded_session import RecordedSession
from infra.session.index import SLACK_NS

AT_ONCE = float("inf")
"""The speed `max`: nothing waits."""


def offsets_ns(session: RecordedSession) -> list[int]:
    """Return for each of the session's messages how long after the first it is due: ns, never decreasing. Pure.

    The order is the log's. The distance of two facts is that of the moments at which NATS stored them, by one clock for
    all processes; where that clock was set meanwhile (it disagrees with the facts' own times by more than SLACK_NS), it
    is that of their own times.
    """
    own_ns = {fact.sequence: fact.event.time_ns for fact in session.facts}
    offsets = [0]
    for before, this in zip(session.messages, session.messages[1:], strict=False):
        distance_ns = this.stored_ns - before.stored_ns
        if this.sequence in own_ns and before.sequence in own_ns:
            own_distance_ns = own_ns[this.sequence] - own_ns[before.sequence]
            if abs(distance_ns - own_distance_ns) > SLACK_NS:
                distance_ns = own_distance_ns
        offsets.append(offsets[-1] + max(0, distance_ns))
    return offsets


LOOK_S = 0.25
"""How often it is looked, while a replay waits, whether it still goes on."""


async def at_pace(
    due_ns: Sequence[int], speed: float, goes_on: Callable[[], bool] = lambda: True
) -> AsyncIterator[int]:
    """Yield the index of each of these moments (ns since the first) when it is due, counted from the first `next`.

    A speed of 2 halves every distance, AT_ONCE waits for nothing. One that is late does not delay those after it. It
    ends early once `goes_on` returns false.
    """
    began_s = time.monotonic()
    for index, moment_ns in enumerate(due_ns):
        due_s = began_s + moment_ns / 1e9 / speed
        while goes_on():
            wait_s = due_s - time.monotonic()
            if wait_s <= 0:
                yield index
                break
            await asyncio.sleep(min(wait_s, LOOK_S))
        else:
            return
