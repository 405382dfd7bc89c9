"""Facts for commands that look at one session, or at all that was said for some time."""

from collections import defaultdict
from collections.abc import Sequence

from contracts.codec import Undecodable, decode
from contracts.events import Event
from contracts.topology import UnknownSubject, checked_session, event_class_of
from infra.cli.system import LogEmpty, log_connection
from infra.log.event_log import history
from infra.log.log_streams import has_log, streams_of_log
from infra.log.stream_reader import StoredMessage, first_message, stored_messages
from infra.session.index import no_such_session


async def facts_of_session(session: str) -> list[Event]:
    """Return a session's facts in order. Raises LookupError if the log has none of it, ValueError for a bad id."""
    checked_session(session)
    try:
        async with log_connection() as nc:
            facts = [fact.event async for fact in history(nc, session)] if await has_log(nc) else []
            if not facts:
                raise LookupError(await no_such_session(nc, session))
            return facts
    except LogEmpty as nothing:
        raise LookupError(str(nothing)) from nothing


async def facts_by_session(since_ns: int, classes: Sequence[type[Event]]) -> dict[str, list[Event]]:
    """Return the facts of some classes that were stored since then (Unix epoch ns), by session, each in order.

    What this build cannot read is left out. Raises LookupError if there is no log.
    """
    wanted = frozenset(classes)
    found: dict[str, list[Event]] = defaultdict(list)
    try:
        async with log_connection() as nc:
            if not await has_log(nc):
                return {}
            for stream in (await streams_of_log(nc)).names:
                first = await first_message(nc, stream, ">", since_ns=since_ns)
                if first is None:
                    continue
                async for message in stored_messages(nc, stream, start=first.sequence):
                    event = _wanted(message, wanted)
                    if event is not None:
                        found[event.session_id].append(event)
    except LogEmpty as nothing:
        raise LookupError(str(nothing)) from nothing
    return dict(found)


def _wanted(message: StoredMessage, classes: frozenset[type[Event]]) -> Event | None:
    try:
        return decode(message.subject, message.data) if event_class_of(message.subject) in classes else None
    except (Undecodable, UnknownSubject):
        return None
