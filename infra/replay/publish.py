"""The facts of a recorded session published again, for consumers that are to be tried on a real conversation."""

import time
from dataclasses import dataclass

from nats.aio.client import Client
from nats.errors import Error as NatsError

from contracts.topology import REPLAY_PREFIX, replay_subject
from infra.log.connection import round_trip
from infra.log.stream_reader import StoredMessage
from infra.replay.pace import at_pace, offsets_ns
from infra.replay.recorded_session import RecordedSession

AT_A_TIME = 500
"""After so many messages it is waited until NATS has them, so that what is sent is never far ahead of what is taken."""


class PublishStopped(RuntimeError):
    """NATS went away; the message says after how many facts."""


@dataclass(frozen=True, slots=True)
class Published:
    """What was sent: how many facts, in how many seconds."""

    facts: int
    seconds: float


async def publish(
    nc: Client, session: RecordedSession, prefix: str = REPLAY_PREFIX, speed: float = 1, from_sequence: int = 0
) -> Published:
    """Publish a session's messages on core NATS, in the log's order and with their recorded distances.

    They go to `<prefix>.<session>.<noun>.<state>` with their original bytes, those that this build cannot read too.
    Nothing is stored and nobody is waited for: whoever subscribes receives them. `prefix` is a checked one
    (`contracts.topology.checked_replay_prefix`). Raises PublishStopped.
    """
    due = [
        (moment_ns, message)
        for moment_ns, message in zip(offsets_ns(session), session.messages, strict=True)
        if message.sequence >= from_sequence
    ]
    began_s, sent, reconnects = time.monotonic(), 0, nc.stats["reconnects"]
    start_ns = due[0][0] if due else 0
    try:
        async for index in at_pace([moment_ns - start_ns for moment_ns, _ in due], speed, lambda: nc.is_connected):
            message = due[index][1]
            await nc.publish(replay_subject(message.subject, prefix), message.data, headers=replay_headers(message))
            sent += 1
            if sent % AT_A_TIME == 0:
                await round_trip(nc)
            if nc.stats["reconnects"] != reconnects:
                break
        if sent < len(due) or nc.stats["reconnects"] != reconnects:
            raise OSError("the connection was lost, and facts with it")
        await round_trip(nc)
    except (NatsError, TimeoutError, OSError) as error:
        reason = str(error) or type(error).__name__
        raise PublishStopped(f"NATS went away after {sent} of {len(due)} facts: {reason}") from error
    return Published(sent, time.monotonic() - began_s)


def replay_headers(message: StoredMessage) -> dict[str, str]:
    """Return the headers of a fact that is published again.

    Those of live facts (`Nats-Subject`, `Nats-Sequence`, `Nats-Time-Stamp`: what it was stored as) and its event's
    class and id. The id is not in `Nats-Msg-Id`: a stream would drop the second replay as a duplicate.
    """
    stored = message.headers
    found = {
        "Nats-Subject": message.subject,
        "Nats-Sequence": str(message.sequence),
        "Nats-Time-Stamp": message.stored,
        "Daredevil-Event": stored.get("Daredevil-Event", ""),
        "Daredevil-Event-Id": stored.get("Nats-Msg-Id", ""),
    }
    return {name: value for name, value in found.items() if value}
