"""The text door in a replay: each turn's real exchange, handed what it took in then, and its reader's doings."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from bridge.http.chat.exchange import ChatExchange
from bridge.http.chat.inbound import (
    ALL_READ,
    CHAT_FACT,
    CHAT_PAST,
    DELIVERED,
    GONE,
    LATE,
    NEWER,
    SETTLED,
    TOKEN,
    TURN,
    WAKE,
    Item,
    NewerVersionCame,
    Wake,
)
from bridge.http.chat.session_state import SessionState
from bridge.http.chat.tokens import ReplyToken
from bridge.http.chat.unread import settle_unread
from contracts import events as e
from infra.log.event_log import Fact
from infra.process.tasks import ended
from infra.replay.actors import Seat
from infra.tape.deliveries import Delivery
from infra.tape.tape import Plain

KINDS = frozenset(
    {CHAT_PAST, TURN, SETTLED, CHAT_FACT, TOKEN, NEWER, WAKE, LATE, DELIVERED, ALL_READ, GONE},
)
"""What only the text door takes in."""

NEVER_S = 1e9
"""Nothing is too late by itself: the tape says what was."""


class RecordedInbound:
    """What a turn takes in, handed over by the replay. What its reader's doings lead to is on the tape, too."""

    def __init__(self, seat: Seat) -> None:
        self.now_ns = seat.now_ns()
        self._seat = seat
        self._items: asyncio.Queue[Item | None] = asyncio.Queue()

    @asynccontextmanager
    async def following(self, after: int) -> AsyncIterator[None]:
        """See TurnInbound."""
        yield

    def offer(self, item: Item) -> None:
        """Drop it: it comes when the tape says so."""

    def hand(self, item: Item | None) -> None:
        """Let the turn take an item in."""
        self._items.put_nowait(item)

    async def get(self, patience_s: float) -> Item | None:
        """See TurnInbound."""
        item = await self._items.get()
        if isinstance(item, Fact):
            self._seat.tapes.of(self._seat.session_id).took_fact(CHAT_FACT, item.sequence)
        self.now_ns = self._seat.now_ns()
        return item

    def note(self, kind: str, payload: Plain = None) -> None:
        """See TurnInbound."""
        self.now_ns = self._seat.now_ns()


class ReplayedChat:
    """The turns of one text conversation, one after another."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._facts = {fact.sequence: fact for fact in seat.facts}
        self._past = 0
        self._exchange: ChatExchange | None = None
        self._inbound = RecordedInbound(seat)
        self._running: set[asyncio.Task[None]] = set()

    async def end(self) -> None:
        """End the turns that are still being answered."""
        await ended(*self._running)

    def deliver(self, delivery: Delivery) -> Awaitable[None] | None:
        """Hand over what the door took in."""
        match delivery.kind:
            case str(kind) if kind == CHAT_PAST:
                self._past = int(delivery.payload)
            case str(kind) if kind == TURN:
                self._begin(str(delivery.payload))
            case str(kind) if kind == SETTLED:
                return settle_unread(self._seat.log, self._state(int(delivery.payload)), self._seat.now_ns())
            case str(kind) if kind in (DELIVERED, ALL_READ, GONE):
                return self._read(kind, delivery.payload) if self._exchange is not None else None
            case _ if (item := self._item(delivery)) is not None or delivery.kind == LATE:
                self._inbound.hand(item)
        return None

    def _item(self, delivery: Delivery) -> Item | None:
        payload: Any = delivery.payload
        if delivery.kind == CHAT_FACT:
            return self._facts.get(int(payload))
        if delivery.kind == TOKEN:
            return ReplyToken(*payload)
        if delivery.kind == NEWER:
            return NewerVersionCame(str(payload))
        return Wake() if delivery.kind == WAKE else None

    def _begin(self, event_id: str) -> None:
        """Begin the turn with this event; one that the log did not store led to nothing."""
        self._inbound = RecordedInbound(self._seat)
        self._exchange = None
        turns = (fact.event for fact in self._seat.facts if fact.event.event_id == event_id)
        turn = next(turns, None)
        if isinstance(turn, e.TurnEnded):
            self._exchange = ChatExchange(
                self._seat.log, self._inbound, self._state(self._past), unstamped(turn), NEVER_S, ""
            )
            task = asyncio.create_task(self._exchange.run())
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _read(self, kind: str, payload: Any) -> None:
        exchange = self._exchange
        assert exchange is not None
        if kind == GONE:
            exchange.abandon(str(payload))
        elif kind == ALL_READ:
            exchange.all_read()
        elif (piece := await exchange.next_piece()) is not None:
            exchange.delivered(piece)

    def _state(self, sequence: int) -> SessionState:
        return _state_of(self._seat.session_id, [fact for fact in self._seat.facts if fact.sequence <= sequence])


def _state_of(session_id: str, facts: Sequence[Fact]) -> SessionState:
    state = SessionState(session_id)
    for fact in facts:
        state.apply(fact)
    return state


def unstamped(event: e.TurnEnded) -> e.TurnEnded:
    """Return an event as it was before it was appended."""
    return event.model_copy(update={"basis": 0, "appended_by": ""})
