"""The event log of a replay: reads end where they ended then, an append waits until the record has that fact."""

import asyncio
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from contracts.events import Event
from infra.log.event_log import ExpectedSequence, Fact, LogUnavailable, StaleWriter
from infra.log.taped_log import APPENDED, STALE, UNSTORED
from infra.replay import recorded_reads
from infra.replay.compare import FieldDifference, field_differences
from infra.replay.recorded_reads import RecordedReads
from infra.replay.roles import Role, Roles
from infra.tape.deliveries import Delivery
from infra.tape.recorded import RecordedTape

APPENDS = (APPENDED, STALE, UNSTORED)
"""Kinds of what an append came to."""

SERVED = (*APPENDS, *recorded_reads.SERVED)
"""Kinds of deliveries that the log serves itself."""

FactChange = Literal["differs", "not appended then", "not appended now", "appended later"]


@dataclass(frozen=True, slots=True)
class FactDifference:
    """A fact that differs from the record. `waiting` are the events that the code wanted to append instead."""

    change: FactChange
    then: Fact | None = None
    now: Event | None = None
    fields: tuple[FieldDifference, ...] = ()
    waiting: tuple[Event, ...] = ()


OnDifference = Callable[[FactDifference], None]


@dataclass(slots=True, eq=False)
class _Append:
    event: Event
    fact: Fact | None
    stored: "asyncio.Future[Fact]"


@dataclass(frozen=True, slots=True, eq=False)
class _InTurn:
    """An append that waits until so many others are settled."""

    event: Event
    place: int
    comes: "asyncio.Future[None]"


@dataclass(frozen=True, slots=True)
class _Claim:
    """An event stands for a fact: how it differs, and the last sequence that had been taken in when it was decided."""

    difference: FactDifference | None
    basis: int


class RecordedLog:
    """An `EventLog` for one copy of an actor and one stretch of its tape.

    `facts` are all of the session's, `own` those that this copy appended in the stretch; `is_exact` tells of which
    events measured fields are compared, too. `has_all_reads`: the deliveries tell of each read that was begun then.
    """

    def __init__(
        self,
        facts: Sequence[Fact],
        own: Iterable[Fact],
        deliveries: Sequence[Delivery],
        tape: RecordedTape,
        on_difference: OnDifference,
        is_exact: Callable[[Event], bool] = lambda _: False,
        on_withdrawn: OnDifference = lambda difference: None,
        has_all_reads: bool = False,
    ) -> None:
        self._on_withdrawn = on_withdrawn
        self.same: set[int] = set()
        """Sequences of facts that came out as they were."""
        self._facts = facts
        self._tape = tape
        self._on_difference = on_difference
        self._is_exact = is_exact
        self._by_sequence = {fact.sequence: fact for fact in facts}
        self._roles = Roles()
        self._open: dict[str, Fact] = {}
        self._by_role: dict[Role, deque[Fact]] = defaultdict(deque)
        self._done: dict[str, Fact] = {}
        self._claimed: dict[str, _Claim] = {}
        """Of events that stand for a fact and wait until the record has it."""
        self._given_back: dict[str, _Claim] = {}
        """Of events whose append was cancelled while it waited; live, they may have been stored all the same."""
        roles_then = Roles()
        for fact in sorted(own, key=lambda fact: fact.sequence):
            self._open[fact.event.event_id] = fact
            self._by_role[roles_then.of(fact.event)].append(fact)
        self._refused = Counter((each.kind, str(each.payload)) for each in deliveries if each.kind in (STALE, UNSTORED))
        self._came_to = [(each.kind, each.payload) for each in deliveries if each.kind in APPENDS]
        """What appends came to, in their order; `_settled` is how many of them are served."""
        self._acknowledged = {of for kind, of in self._came_to if kind == APPENDED}
        self._settled = 0
        self._in_turn: list[_InTurn] = []
        self._appends: list[_Append] = []
        self._reads = RecordedReads(facts, deliveries, tape, has_all_reads)

    async def append(self, event: Event, expected: ExpectedSequence | None = None, patience_s: float = 60) -> Fact:
        """See EventLog: returns the recorded fact when the record has it. An event that it has not waits for ever."""
        is_stale, unknown = self._refused[STALE, event.event_id] > 0, None
        fact = None if is_stale else self._fact_for(event)  # it is what the code appends when it has decided again
        if fact is None and not is_stale and not self._refused[UNSTORED, event.event_id]:
            unknown = FactDifference("not appended then", None, event)
            self._on_difference(unknown)
        waiting = _Append(event, fact, asyncio.get_running_loop().create_future())
        self._appends.append(waiting)
        try:
            return await waiting.stored
        except asyncio.CancelledError:
            if unknown is not None:  # live, the code may have been cancelled a moment before
                self._on_withdrawn(unknown)
            self._give_back(event)
            raise
        finally:
            self._appends.remove(waiting)

    async def in_turn(self, event: Event) -> None:
        """See EventLog: returns when all that was settled before this append was is settled.

        For an event that the record does not have it never returns: it waits outside the lock, and keeps nobody out.
        """
        is_again = event.event_id in self._done
        if not is_again and self._is_unknown(event):
            await self.append(event)
        place = self._place_again(event) if is_again else self._place_of(event)
        if place <= self._settled:
            return
        if not is_again and not self._refused[STALE, event.event_id]:
            self._claim(event)  # a difference is reported where it is decided, not where it is stored
        waiting = _InTurn(event, place, asyncio.get_running_loop().create_future())
        self._in_turn.append(waiting)
        try:
            await waiting.comes
        except asyncio.CancelledError:
            if not is_again:
                self._give_back(event)
            raise
        finally:
            self._in_turn.remove(waiting)

    async def facts_after(
        self, session_id: str, after: int = 0, patience_s: float = 60, subjects: str = ""
    ) -> list[Fact]:
        """See EventLog: returns what the log had then, at the moment when the record says so.

        A read that was not made then returns at once, with what had been taken in by then.
        """
        return await self._reads.facts_after(session_id, after, subjects)

    def serve(self, delivery: Delivery) -> None:
        """Let an append or a read return, as it did then."""
        if delivery.kind in recorded_reads.SERVED:
            self._reads.serve(delivery)
        else:
            if delivery.kind == APPENDED:
                self._serve_append(int(delivery.payload))
            else:
                self._refuse(delivery)
            self._settle()

    def waiting(self) -> tuple[Event, ...]:
        """Return the events whose appends have not returned."""
        return tuple(each.event for each in self._appends)

    def check_end(self, last: int) -> None:
        """Report facts up to sequence `last` that were appended then and not now; call it at the stretch's end."""
        for fact in list(self._open.values()):
            if fact.sequence <= last:
                self._not_appended(fact)

    @property
    def unverified(self) -> list[Fact]:
        """The own facts of the stretch that the code has not appended."""
        return list(self._open.values())

    def _settle(self) -> None:
        self._settled += 1
        for waiting in self._in_turn:
            if waiting.place <= self._settled and not waiting.comes.done():
                waiting.comes.set_result(None)

    def _is_unknown(self, event: Event) -> bool:
        """Return whether the record has no fact that an event may stand for, and no attempt to append it."""
        is_refused = any(self._refused[kind, event.event_id] > 0 for kind in (STALE, UNSTORED))
        return not is_refused and self._open_fact_for(event) is None

    def _place_of(self, event: Event) -> int:
        """Return how many appends were settled before this one was, 0 if the record does not tell."""
        if self._refused[STALE, event.event_id] > 0:
            return self._came_to.index((STALE, event.event_id), self._settled)
        fact = self._open_fact_for(event)
        if fact is None:
            return 0
        appended = enumerate(self._came_to)
        return next((n for n, (kind, of) in appended if kind == APPENDED and of >= fact.sequence), 0)

    def _place_again(self, event: Event) -> int:
        """Return the same for an event that another task is appending, too: live, each was told that it is stored."""
        sequence, came_to = self._done[event.event_id].sequence, enumerate(self._came_to)
        places = [n for n, each in came_to if n >= self._settled and each == (APPENDED, sequence)]
        waiting = [each.event for each in self._in_turn] + [each.event for each in self._appends]
        before = sum(each.event_id == event.event_id for each in waiting)
        return places[before] if before < len(places) else 0

    def _open_fact_for(self, event: Event) -> Fact | None:
        """Return the recorded fact that an event stands for, if none has stood for it yet."""
        role = self._roles.of(event)
        fact = self._open.get(event.event_id)
        return fact or next((each for each in self._by_role[role] if each.event.event_id in self._open), None)

    def _fact_for(self, event: Event) -> Fact | None:
        """Return the recorded fact that an event stands for, compared with it; None if there is none."""
        if (known := self._done.get(event.event_id)) is not None:
            return known  # a handler that runs twice appends the same event twice, and it is stored once
        self._claim(event)
        return self._done.get(event.event_id)

    def _claim(self, event: Event) -> None:
        """Have an event stand for a recorded fact if there is one, and report how it differs from it."""
        fact = self._open_fact_for(event)
        if fact is None:
            return
        del self._open[fact.event.event_id]
        self._done[event.event_id] = fact
        basis = self._tape.basis
        self._claimed[event.event_id] = _Claim(self._compare(fact, event), basis)

    def _give_back(self, event: Event) -> None:
        """Take an event back that is not appended after all: its fact may be what the code decides instead.

        A fact of which the code was never told that it is stored stays: then, too, it was cancelled while it waited.
        """
        if event.event_id not in self._claimed or self._done[event.event_id].sequence not in self._acknowledged:
            return
        claim = self._given_back[event.event_id] = self._claimed.pop(event.event_id)
        fact = self._done.pop(event.event_id)
        self._open[fact.event.event_id] = fact
        self.same.discard(fact.sequence)
        if claim.difference is not None:
            self._on_withdrawn(claim.difference)

    def _compare(self, fact: Fact, event: Event) -> FactDifference | None:
        fields = field_differences(fact.event, event, self._is_exact(event))
        if 0 < fact.event.basis < self._tape.basis:
            fields += (FieldDifference("basis", fact.event.basis, self._tape.basis),)
        if not fields or self._is_stored_before(fact, event):
            self.same.add(fact.sequence)
            return None
        difference = FactDifference("differs", fact, event, fields)
        self._on_difference(difference)
        return difference

    def _is_stored_before(self, fact: Fact, event: Event) -> bool:
        """Return whether a fact is what was decided before the event, of the same id, and whose append was cancelled.

        The log keeps the first of the two. What the fact's decision had taken in tells which one that is, unless both
        had taken in the same.
        """
        before = self._given_back.get(event.event_id)
        if before is None or before.difference is not None or fact.event.event_id != event.event_id:
            return False
        return fact.event.basis < self._tape.basis or before.basis == self._tape.basis

    def _serve_append(self, sequence: int) -> None:
        self._tape.took_fact(APPENDED, sequence)
        found = [each for each in self._appends if each.fact is not None and each.fact.sequence == sequence]
        if found and not found[0].stored.done():
            assert found[0].fact is not None
            self._claimed.pop(found[0].event.event_id, None)
            found[0].stored.set_result(found[0].fact)
        elif (fact := self._by_sequence.get(sequence)) is not None:
            self._not_appended(fact)

    def _refuse(self, delivery: Delivery) -> None:
        event_id = str(delivery.payload)
        self._refused[delivery.kind, event_id] -= 1
        for each in self._appends:
            if each.event.event_id == event_id and not each.stored.done():
                stale = StaleWriter(f"{type(each.event).__name__} was not stored: another owner has taken over")
                unstored = LogUnavailable(f"{type(each.event).__name__} was not stored")
                each.stored.set_exception(stale if delivery.kind == STALE else unstored)
                return

    def _not_appended(self, fact: Fact) -> None:
        if self._open.pop(fact.event.event_id, None) is not None:
            self._on_difference(FactDifference("not appended now", fact, None, (), self.waiting()))
