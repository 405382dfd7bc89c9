"""Appends many generated facts to a log, in order, without waiting for each."""

from collections.abc import Iterable

from nats.js import JetStreamContext

from contracts.codec import encode
from contracts.events import Event
from contracts.topology import subject_of
from infra.log.log_streams import client_of, streams_of_log

IN_FLIGHT = 2000


async def fill_log(js: JetStreamContext, facts: Iterable[Event]) -> int:
    """Append facts and return the sequence of the last. Raises nats errors.

    `js` must allow at least 2,000 publishes in flight (`publish_async_max_pending`).
    """
    last = 0
    waiting = []
    streams = await streams_of_log(client_of(js))
    for fact in facts:
        headers = {"Nats-Msg-Id": fact.event_id, "Daredevil-Event": type(fact).__name__}
        subject = subject_of(fact)
        waiting.append(await js.publish_async(subject, encode(fact), stream=streams.of(subject), headers=headers))
        if len(waiting) == IN_FLIGHT:
            for stored in waiting:
                last = (await stored).seq
            waiting.clear()
    for stored in waiting:
        last = (await stored).seq
    return last
