"""What reaches one turn by text: facts of its session, tokens of its reply, and the reader's doings, in one order.

Each is noted on the session's tape when the turn takes it in, with the time with which it is decided.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from faststream.nats import NatsBroker
from nats.aio.msg import Msg

from bridge.http.chat.tokens import ReplyToken, token_of
from contracts.topology import tokens_subject
from infra.log.connection import connection
from infra.log.event_log import Fact, NewerFact
from infra.log.session_feed import SessionFeed
from infra.process.tasks import ended
from infra.tape.tape import Plain, Tape

CHAT_PAST, TURN, SETTLED = "chat-past", "turn", "settled"
"""The facts up to a sequence are known, and a turn begins with them (the id of its event); replies that no door ends
any more are ended with the facts up to a sequence."""

CHAT_FACT, TOKEN, NEWER, WAKE, LATE = "chat-fact", "token", "newer", "wake", "late"
"""What a turn takes in: a fact; a token (reply, number, text); that a newer version takes part (the text); that the
reader did something; that nothing came for too long."""

DELIVERED, ALL_READ, GONE = "delivered", "all-read", "gone"
"""What the reader does: it has received the next piece; all of them; it went away (the reason)."""

MAX_WAITING = 10_000


@dataclass(frozen=True, slots=True)
class NewerVersionCame:
    """A newer version takes part in the session, so this one must not go on: `reason` says which fact shows it."""

    reason: str


class Wake:
    """Something changed on the reader's side."""


Item = Fact | NewerVersionCame | ReplyToken | Wake


class TurnInbound(Protocol):
    """What one turn takes in, one item after another: live, or in a replay as it was recorded."""

    @property
    def now_ns(self) -> int:
        """The time of the last thing that was taken in or noted, Unix epoch ns: what is decided on it has this time."""

    def following(self, after: int) -> AbstractAsyncContextManager[None]:
        """Receive facts after a sequence, and tokens, within."""

    def offer(self, item: Item) -> None:
        """Add something; it is dropped if too much waits."""

    async def get(self, patience_s: float) -> Item | None:
        """Return the next item; None if none comes for so long."""

    def note(self, kind: str, payload: Plain = None) -> None:
        """Note that the reader did something."""


class LiveInbound:
    """From NATS: the session's feed, and its tokens."""

    def __init__(
        self, broker: NatsBroker, tape: Tape, session_id: str, began_ns: int, clock_ns: Callable[[], int]
    ) -> None:
        self.now_ns = began_ns
        self._broker = broker
        self._tape = tape
        self._session_id = session_id
        self._clock_ns = clock_ns
        self._items: asyncio.Queue[Item] = asyncio.Queue(MAX_WAITING)

    @asynccontextmanager
    async def following(self, after: int) -> AsyncIterator[None]:
        """See TurnInbound."""
        nc = connection(self._broker)
        tokens = await nc.subscribe(tokens_subject(self._session_id), cb=self._on_token)
        try:
            async with SessionFeed(self._broker, self._session_id, after) as feed:
                reading = asyncio.create_task(self._read(feed), name=f"facts of {self._session_id}")
                try:
                    yield
                finally:
                    await ended(reading)
                    await asyncio.gather(reading, return_exceptions=True)
        finally:
            if not nc.is_closed:
                await tokens.unsubscribe()

    async def _read(self, feed: SessionFeed) -> None:
        try:
            async for fact in feed:
                await self._items.put(fact)
        except NewerFact as error:
            await self._items.put(NewerVersionCame(str(error)))

    async def _on_token(self, message: Msg) -> None:
        token = token_of(message)
        if token is not None:
            self.offer(token)  # a lost one is noticed by the numbers

    def offer(self, item: Item) -> None:
        """See TurnInbound."""
        if not self._items.full():
            self._items.put_nowait(item)

    async def get(self, patience_s: float) -> Item | None:
        """See TurnInbound."""
        try:
            async with asyncio.timeout(patience_s):
                item = await self._items.get()
        except TimeoutError:
            self.note(LATE)
            return None
        match item:
            case Fact():
                self._tape.took_fact(CHAT_FACT, item.sequence, self._time_ns())
            case ReplyToken():
                self.note(TOKEN, [item.reply_id, item.number, item.text])
            case NewerVersionCame():
                self.note(NEWER, item.reason)
            case Wake():
                self.note(WAKE)
        return item

    def note(self, kind: str, payload: Plain = None) -> None:
        """See TurnInbound."""
        self._tape.took(kind, payload, self._time_ns())

    def _time_ns(self) -> int:
        self.now_ns = self._clock_ns() // 1000 * 1000
        return self.now_ns
