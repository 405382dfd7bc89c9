"""A session's facts as they are stored: from the first, and on, with no gap and no repetition."""

import asyncio
import logging
from collections.abc import AsyncIterator
from types import TracebackType

from faststream.nats import NatsBroker
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from contracts.codec import Undecodable, decode
from contracts.topology import live_subjects
from infra.connection import connection
from infra.facts import Fact, LogUnavailable, history

log = logging.getLogger(__name__)


class SessionFeed:
    """Follows one session: `async with SessionFeed(broker, session) as feed: async for fact in feed: …`.

    Live facts come by a plain subscription (JetStream sends each again when stored). What a lost connection or a
    full queue has dropped is noticed by sequence and read back from the log. One task may iterate.
    """

    def __init__(self, broker: NatsBroker, session_id: str, after: int = 0, check_every_s: float = 1.0) -> None:
        self._broker = broker
        self._session_id = session_id
        self._after = after
        self._check_every_s = check_every_s
        self._live: asyncio.Queue[Msg] = asyncio.Queue(maxsize=1000)
        self._subscription: Subscription | None = None

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
            log.warning("feed of %s is behind; it will read the log", self._session_id)

    async def __aiter__(self) -> AsyncIterator[Fact]:
        """Yield every fact once, in the log's order; never ends by itself."""
        reconnects = -1
        while True:
            nc = connection(self._broker)
            if nc.stats["reconnects"] != reconnects or self._live.full():
                reconnects = nc.stats["reconnects"]
                async for fact in self._missed():
                    yield fact
            try:
                # Not wait_for: in Python 3.11 it loses a cancellation that comes together with a message.
                async with asyncio.timeout(self._check_every_s):
                    message = await self._live.get()
            except TimeoutError:
                continue
            sequence = int((message.headers or {}).get("Nats-Sequence", "0"))
            if sequence <= self._after:
                continue
            self._after = sequence
            try:
                yield Fact(sequence, decode(message.subject, message.data))
            except Undecodable as error:
                log.debug("feed: %s", error)

    async def _missed(self) -> AsyncIterator[Fact]:
        while True:
            try:
                async for fact in history(connection(self._broker), self._session_id, self._after):
                    self._after = fact.sequence
                    yield fact
                return
            except (NatsError, TimeoutError, LogUnavailable) as error:
                log.debug("feed: reading the log back: %r", error)
                await asyncio.sleep(0.25)
