"""How exactly `daredevil replay --publish` keeps the recorded distances, and how many facts a second it sends."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from nats.aio.client import Client
from nats.aio.msg import Msg

from contracts.topology import replay_subjects
from infra.bench.statistics import percentile
from infra.log.connection import round_trip
from infra.replay.pace import AT_ONCE, offsets_ns
from infra.replay.publish import publish
from infra.replay.recorded_session import RecordedSession

PREFIX = "bench-replay"
RECEIVED_WITHIN_S = 10.0


@dataclass(frozen=True, slots=True)
class ReplayPublishFigures:
    """Errors of the distance between two successive facts as a subscriber receives them, ms; and the highest rate."""

    facts: int
    distance_p50_ms: float
    distance_p95_ms: float
    distance_worst_ms: float
    facts_per_s: float


async def measure(
    sender: Client, receiver: Client, sessions: Sequence[RecordedSession], at_least: int = 100_000
) -> ReplayPublishFigures:
    """Replay sessions at their own pace, side by side, and then the first of them as fast as possible.

    `sender` and `receiver` are separate connections; for the rate, at least so many facts are sent. Raises
    PublishStopped, nats errors.
    """
    paced = await asyncio.gather(*(_errors_ms(sender, receiver, session) for session in sessions))
    errors_ms = [error for errors in paced for error in errors]
    longest = max(sessions, key=lambda session: len(session.messages))
    repeated = replace(longest, messages=longest.messages * (at_least // len(longest.messages) + 1))
    done = await publish(sender, repeated, PREFIX, AT_ONCE)
    return ReplayPublishFigures(
        sum(len(session.messages) for session in sessions),
        percentile(errors_ms, 0.5),
        percentile(errors_ms, 0.95),
        max(errors_ms),
        done.facts / done.seconds,
    )


async def _errors_ms(sender: Client, receiver: Client, session: RecordedSession) -> list[float]:
    """Return for each two successive facts by how much their distance differs from the recorded one, as received."""
    came_ns: list[int] = []
    complete = asyncio.Event()

    async def take(_: Msg) -> None:
        came_ns.append(time.monotonic_ns())
        if len(came_ns) == len(session.messages):
            complete.set()

    subscription = await receiver.subscribe(replay_subjects(session.session_id, PREFIX), cb=take)
    await round_trip(receiver)
    await publish(sender, session, PREFIX)
    async with asyncio.timeout(RECEIVED_WITHIN_S):
        await complete.wait()
    await subscription.unsubscribe()
    received, recorded = pairwise(came_ns), pairwise(offsets_ns(session))
    return [abs((b - a) - (d - c)) / 1e6 for (a, b), (c, d) in zip(received, recorded, strict=True)]
