"""A session's facts as they are stored: from the first on, without a gap or a repetition."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from types import TracebackType

from faststream.nats import NatsBroker
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from contracts.codec import NewerVersion, Undecodable, decode
from contracts.topology import live_subjects
from infra.log.connection import asking, connection, round_trip
from infra.log.event_log import Fact, NewerFact, facts_after

log = logging.getLogger(__name__)

PATIENCE_S = 3600.0
"""How long a feed waits for a log that is away before it raises."""


class SessionFeed:
    """Follows one session: `async with SessionFeed(broker, session) as feed: async for fact in feed: …`.

    Live facts arrive on a plain subscription (JetStream republishes each when it is stored). What a lost connection or
    a full queue has dropped is noticed by its sequence and read back from the log. Only one task may iterate.
    """

    def __init__(
        self,
        broker: NatsBroker,
        session_id: str,
        after: int = 0,
        check_every_s: float = 1.0,
        is_over: Callable[[], bool] = lambda: False,
    ) -> None:
        self._broker = broker
        self._session_id = session_id
        self._after = after
        self._check_every_s = check_every_s
        self._is_over = is_over
        self._live: asyncio.Queue[Msg] = asyncio.Queue(maxsize=1000)
        self._subscription: Subscription | None = None
        self._dropped = False
        self._reconnects = -1
        self._seen: set[str] = set()

    async def __aenter__(self) -> "SessionFeed":
        """Subscribe; facts stored from now on are not missed."""
        nc = connection(self._broker)
        self._subscription = await nc.subscribe(live_subjects(self._session_id), cb=self._receive)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Unsubscribe."""
        if self._subscription is not None and not connection(self._broker).is_closed:
            await self._subscription.unsubscribe()

    async def _receive(self, message: Msg) -> None:
        try:
            self._live.put_nowait(message)
        except asyncio.QueueFull:
            self._dropped = True

    async def __aiter__(self) -> AsyncIterator[Fact]:
        """Yield every fact once, in the log's order; end when `is_over` returns true while no fact waits.

        Raises NewerFact at a fact of a newer version, and what `facts_after` raises.
        """
        while True:
            fact = await self._next_live()
            # Checked after the wait: facts may have been dropped during it.
            if self._may_have_missed():
                await self._is_subscribed()
                for missed in await facts_after(self._broker, self._session_id, self._after, PATIENCE_S):
                    if self._is_next(missed):
                        yield missed
            if fact is not None and self._is_next(fact):
                yield fact
            if fact is None and self._is_over():
                return

    async def _next_live(self) -> Fact | None:
        if self._reconnects < 0:  # begin with what is in the log, not with a wait
            return None
        try:
            # Not wait_for: in Python 3.11 it loses a cancellation that arrives together with a message.
            async with asyncio.timeout(self._check_every_s):
                message = await self._live.get()
            sequence = int((message.headers or {}).get("Nats-Sequence", "0"))
            return Fact(sequence, decode(message.subject, message.data))
        except TimeoutError:
            return None
        except NewerVersion as error:
            raise NewerFact(sequence, message.subject, error) from error
        except Undecodable as error:
            log.debug("feed: %s", error)
            return None

    async def _is_subscribed(self) -> None:
        """Wait until the server knows the subscription, where another connection reads the log back.

        That one could be ahead, and a fact that is stored in between would come by neither.
        """
        nc = connection(self._broker)
        if asking(nc) is nc:
            return  # it answers in the order in which it was asked
        try:
            await round_trip(nc)
        except (NatsError, TimeoutError, OSError) as error:
            # It is lost and will subscribe again: that is noticed, and the log is read once more.
            log.debug("feed of %s: %r", self._session_id, error)

    def _may_have_missed(self) -> bool:
        """Return whether the connection was lost or the queue was full since the last call."""
        reconnects = connection(self._broker).stats["reconnects"]
        missed = self._dropped or reconnects != self._reconnects
        self._dropped, self._reconnects = False, reconnects
        return missed

    def _is_next(self, fact: Fact) -> bool:
        """Note a fact; return whether it has not been yielded yet, under this sequence or another."""
        if fact.sequence <= self._after:
            return False
        self._after = fact.sequence
        fresh = fact.event.event_id not in self._seen
        self._seen.add(fact.event.event_id)
        return fresh
