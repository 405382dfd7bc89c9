"""Reading a session back from the log of a running system, for what a test wants to know of it."""

from collections import Counter

from contracts.events import Event, PlaybackFinished, PlaybackInterrupted, ReplyClauseWritten, TurnEnded
from contracts.topology import session_subjects
from infra.log.event_log import Fact, history
from infra.log.log_streams import streams_of_log
from infra.log.nats_reach import connect_once


async def facts_of(nats_url: str, session_id: str) -> list[Fact]:
    nc = await connect_once(nats_url)
    try:
        return [fact async for fact in history(nc, session_id)]
    finally:
        await nc.close()


async def stored_ids(nats_url: str, session_id: str) -> list[str]:
    """Return the Nats-Msg-Id of every message of a session as stored, repetitions included."""
    nc = await connect_once(nats_url)
    js = nc.jetstream()
    try:
        subjects = session_subjects(session_id)
        stream = (await streams_of_log(nc)).of(subjects)
        subscription = await js.subscribe(subjects, stream=stream, ordered_consumer=True)
        pending = (await subscription.consumer_info()).num_pending or 0
        messages = [await subscription.next_msg(5) for _ in range(pending)]
        return [(message.headers or {})["Nats-Msg-Id"] for message in messages]
    finally:
        await nc.close()


def said_more_than_once(facts: list[Fact]) -> dict[str, int]:
    """Return what may happen once only but is in the log more often, by a name for it."""
    names: Counter[str] = Counter()
    for fact in facts:
        names[_once(fact.event)] += 1
    return {name: count for name, count in names.items() if name and count > 1}


def _once(event: Event) -> str:
    if isinstance(event, TurnEnded):
        return f"TurnEnded {event.turn_id}"
    if isinstance(event, ReplyClauseWritten):
        return f"clause {event.index} of {event.reply_id}"
    if isinstance(event, PlaybackFinished | PlaybackInterrupted):
        return f"end of {event.reply_id}"
    return ""
