"""Who is in which session, in NATS KV: a view of the log's facts for immediate look-up.

An entry is removed when its participant leaves, and in any case some time after the session's last fact.
"""

import asyncio
import json
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import asdict, dataclass

from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js.errors import APIError, NoKeysError, NotFoundError
from nats.js.kv import KeyValue

from contracts import events as e
from contracts.topology import PRESENCE
from infra.log.buckets import open_bucket
from infra.log.clock import CLOCK

log = logging.getLogger(__name__)

TTL_S = PRESENCE.ttl_s or 0.0
RENEW_S = 300.0
TIMEOUT_S = 2.0
SESSIONS = 10_000
CHANGES = (e.SessionOpened, e.ParticipantJoined, e.ParticipantLeft, e.SessionClosed, e.SessionErased)


@dataclass(frozen=True, slots=True)
class Present:
    """A participant of an open session; `user_id` is empty for the agent."""

    participant_id: str
    kind: str
    user_id: str
    since_ns: int


def present(facts: Iterable[e.Event]) -> tuple[Present, ...]:
    """Return who is in a session after its facts."""
    here: dict[str, Present] = {}
    user_id, is_over = "", False
    for fact in facts:
        match fact:
            case e.SessionOpened():
                user_id = fact.user_id
            case e.ParticipantJoined(participant_id=name, kind=kind):
                who = (fact.identity or user_id) if kind == "person" else ""
                here[name] = Present(name, kind, who, fact.time_ns)
            case e.ParticipantLeft():
                here.pop(fact.participant_id, None)
            case e.SessionClosed() | e.SessionErased():
                is_over = True
    return () if is_over else tuple(here.values())


class PresenceBoard:
    """Updates the bucket from the facts that it is given; any number of copies may run. Nothing here raises.

    `facts_of` returns a session's facts.
    """

    def __init__(self, connected: Callable[[], Client], facts_of: Callable[[str], Awaitable[list[e.Event]]]) -> None:
        self._connected = connected
        self._facts_of = facts_of
        self._bucket: KeyValue | None = None
        self._renewed_s: OrderedDict[str, float] = OrderedDict()

    async def take(self, event: e.Event) -> None:
        """Apply a fact: who joins and leaves, or that a session is still alive."""
        if CLOCK.peek_ns() - event.time_ns > TTL_S * 1e9:
            return  # delivered late: it says nothing about now
        now_s = time.monotonic()
        is_due = now_s - self._renewed_s.get(event.session_id, float("-inf")) > RENEW_S
        if not isinstance(event, CHANGES) and not is_due:
            return
        self._renewed_s[event.session_id] = now_s
        self._renewed_s.move_to_end(event.session_id)
        if len(self._renewed_s) > SESSIONS:
            self._renewed_s.popitem(last=False)
        try:
            async with asyncio.timeout(TIMEOUT_S):
                await self._write(event.session_id, present(await self._facts_of(event.session_id)))
        except (NatsError, APIError, TimeoutError, OSError) as error:
            log.debug("presence: %r", error)
            self._bucket = None  # it is in the server's memory, and lost when the server restarts
            self._renewed_s.pop(event.session_id, None)

    async def _write(self, session_id: str, here: tuple[Present, ...]) -> None:
        nc = self._connected()
        if self._bucket is None:
            self._bucket = await open_bucket(nc.jetstream(), PRESENCE)
        if not here:
            await nc.jetstream().purge_stream(PRESENCE.stream, subject=PRESENCE.address.of(session_id))
        else:
            await self._bucket.put(session_id, json.dumps([asdict(one) for one in here]).encode())


async def who_is_where(nc: Client) -> dict[str, tuple[Present, ...]]:
    """Return who is in which session; empty if no system runs. Raises nats errors."""
    try:
        bucket = await nc.jetstream().key_value(PRESENCE.name)
        sessions = await bucket.keys()
    except (NotFoundError, NoKeysError):
        return {}
    found: dict[str, tuple[Present, ...]] = {}
    for session_id in sessions:
        try:
            entry = await bucket.get(session_id)
            found[session_id] = tuple(Present(**one) for one in json.loads(entry.value or b"[]"))
        except (NotFoundError, ValueError, TypeError):
            continue  # removed meanwhile, or written by another version
    return found
