"""One copy of an actor runs again over a stretch of its tape: delivery after delivery, each until nothing is ready."""

import asyncio
import math
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field

from contracts.journal import VERSION
from infra.log.event_log import Fact
from infra.log.taped_log import APPENDED
from infra.process.virtual_loop import Stuck, VirtualLoop
from infra.replay import recorded_log
from infra.replay.actors import Replayed, ReplayedActor, Seat
from infra.replay.decided import Place, deciding_places
from infra.replay.recorded_log import FactDifference, RecordedLog
from infra.tape import recorded
from infra.tape.deliveries import CANCELLED, FOLLOWED, HANDLED, LIVE, TAKEN, Delivery
from infra.tape.recorded import RecordedTape, RecordedTapes, RequestDifference
from infra.tape.tape import Plain

_S = 1e9

SOON, SOON_NS = 3, 20_000_000
"""A replay does all that it can before the next delivery. Live, some deliveries may come before the code, which has to
wait its turn, gets to what the one before leads to: these many, or on a busy machine all that come in this time."""


@dataclass(frozen=True, slots=True)
class TapedStretch:
    """Deliveries to one copy of an actor without a gap, from a moment at which nothing was in progress.

    `basis` is the last sequence that the copy had taken in before. `is_cut`: it ends in the midst of work, as what
    came next is lost; `last` is the last sequence for which the stretch has to account. `version` is its chunks'.
    """

    actor: str
    instance: str
    deliveries: tuple[Delivery, ...]
    basis: int = 0
    is_cut: bool = False
    last: int = 2**63
    version: int = VERSION

    @property
    def has_all_reads(self) -> bool:
        """Whether each read of the log that was begun is on it, whatever came of it."""
        return self.version >= 4 and not self.is_cut


@dataclass(frozen=True, slots=True)
class ReplayDifference:
    """Where the replay differs from the record: at which delivery (counted from 1), and where in the code."""

    stretch: TapedStretch
    at: int
    what: FactDifference | RequestDifference
    places: tuple[Place, ...]

    @property
    def sequence(self) -> int:
        """The recorded fact's place in the log, 0 if it is about none."""
        then = self.what.then if isinstance(self.what, FactDifference) else None
        return then.sequence if then is not None else 0

    @property
    def inputs(self) -> tuple[Delivery, ...]:
        """The deliveries up to this moment."""
        return self.stretch.deliveries[: self.at]


@dataclass(slots=True)
class Outcome:
    """What came of one stretch. `same` are the sequences of facts that came out as they were.

    `unverified` are own facts that the cut stretch cannot account for; `errors` were raised by handlers. `turns` is how
    long the code ran after each delivery, in turns of its loop.
    """

    stretch: TapedStretch
    same: frozenset[int] = frozenset()
    differences: list[ReplayDifference] = field(default_factory=list)
    unverified: list[Fact] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    turns: list[int] = field(default_factory=list)


Early = Mapping[int, int]
"""Deliveries (counted from 1) after which the next one comes while the code is still on its way: after how many turns
of its loop. After all others the code runs until nothing is ready."""


def run_stretch(
    stretch: TapedStretch, session_id: str, facts: Sequence[Fact], actor: ReplayedActor, early: Early | None = None
) -> Outcome:
    """Run an actor over a stretch, and return how what it did compares with the record."""
    return _Run(stretch, session_id, facts, actor, early or {}).run()


def own_facts(stretch: TapedStretch, facts: Sequence[Fact]) -> list[Fact]:
    """Return the facts that a copy appended in a stretch, or appended again after another had."""
    acknowledged = {int(each.payload) for each in stretch.deliveries if each.kind == APPENDED}
    return [
        fact
        for fact in facts
        if fact.sequence in acknowledged
        or (fact.event.appended_by == stretch.instance and stretch.basis < fact.sequence <= stretch.last)
    ]


class _Run:
    def __init__(
        self, stretch: TapedStretch, session_id: str, facts: Sequence[Fact], actor: ReplayedActor, early: Early
    ) -> None:
        self._outcome = Outcome(stretch)
        self._early = early
        self._loop = VirtualLoop()
        self._stretch = stretch
        self._at = 0
        self._actor = actor
        first_ns = stretch.deliveries[0].at_ns if stretch.deliveries else 0
        self._first_ns = self._now_ns = first_ns
        deliveries = stretch.deliveries
        self._is_over = False
        self._tape = RecordedTape(deliveries, stretch.basis, self._differs, self._withdrawn)
        own = [fact for fact in own_facts(stretch, facts) if actor.decides(fact.event)]
        self._log = RecordedLog(
            facts,
            own,
            deliveries,
            self._tape,
            self._differs,
            actor.is_exact,
            self._withdrawn,
            has_all_reads=stretch.has_all_reads,
        )
        tapes = RecordedTapes(stretch.instance, session_id, self._tape)
        self._seat = Seat(session_id, facts, stretch.basis, self._log, tapes, lambda: self._now_ns)
        self._tasks: set[asyncio.Task[None]] = set()
        self._handling: dict[Plain, asyncio.Task[None]] = {}
        self._is_cancelling = False

    def run(self) -> Outcome:
        loop = self._loop
        try:
            built = self._actor.build(self._seat)
            actor = loop.finish(loop.create_task(_opened(built.__aenter__())))
            for delivery in self._stretch.deliveries:
                self._hand_over(loop, actor, delivery)
            self._end()
            self._close(loop, built)
        finally:
            loop.end()
        self._outcome.errors += loop.errors
        return self._outcome

    def _hand_over(self, loop: VirtualLoop, actor: Replayed, delivery: Delivery) -> None:
        pass_until = loop.move_to if self._at in self._early else loop.advance_to
        pass_until((delivery.at_ns - self._first_ns) / _S)
        self._at += 1
        before = loop.turns
        self._now_ns = delivery.at_ns
        if delivery.kind in recorded_log.SERVED:
            self._log.serve(delivery)
        elif delivery.kind in recorded.SERVED:
            self._tape.serve(delivery)
        else:
            loop.create_task(self._delivered(actor, delivery))
        self._is_cancelling = delivery.kind == CANCELLED
        loop.run_until_quiescent(self._early.get(self._at, math.inf))
        self._outcome.turns.append(loop.turns - before)

    async def _delivered(self, actor: Replayed, delivery: Delivery) -> None:
        if delivery.kind in (HANDLED, LIVE, FOLLOWED):
            self._tape.took_fact(delivery.kind, delivery.payload)
        if delivery.kind == CANCELLED:
            if (handling := self._handling.pop(delivery.payload, None)) is not None:
                handling.cancel()
            return
        work = actor.deliver(delivery)
        if work is not None:
            task = asyncio.create_task(self._watched(work))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            if delivery.kind in (HANDLED, TAKEN):
                self._handling[delivery.payload] = task

    async def _watched(self, work: Awaitable[None]) -> None:
        try:
            await work
        except Exception as error:  # a handler may raise anything; live, its message was delivered again
            self._outcome.errors.append(f"{type(error).__name__}: {error}")

    def _differs(self, what: FactDifference | RequestDifference) -> None:
        self._outcome.differences.append(ReplayDifference(self._stretch, self._at, what, deciding_places()))

    def _withdrawn(self, what: FactDifference | RequestDifference) -> None:
        """Forget a difference whose work was cancelled by one of the next deliveries: live, it came a moment sooner.

        What was in progress when a handler was cancelled from outside had not come to anything then, either.
        """
        found = self._outcome.differences
        if not self._is_over:
            found[:] = [each for each in found if each.what is not what or self._is_late(each)]

    def _is_late(self, found: ReplayDifference) -> bool:
        is_soon = self._at <= found.at + SOON or self._now_ns <= found.inputs[-1].at_ns + SOON_NS
        return not (is_soon or self._is_cancelling)

    def _end(self) -> None:
        """Account for what the record has and the replay has not, or the other way round."""
        if self._stretch.is_cut:
            self._outcome.differences = [each for each in self._outcome.differences if not self._may_be_lost(each)]
        else:
            self._tape.check_end()
            self._log.check_end(self._stretch.last)
        self._outcome.unverified = self._log.unverified
        self._outcome.same = frozenset(self._log.same)

    def _may_be_lost(self, difference: ReplayDifference) -> bool:
        """Return whether it is about what may have been in progress when the cut stretch ended: the tape does not tell.

        That is a request after the last delivery, and an append after the last one that is known to have been stored:
        on a slow log each waits for the one before it, for seconds.
        """
        what, deliveries = difference.what, self._stretch.deliveries
        if what.change == "not asked then":
            return difference.at == len(deliveries)
        stored = max((place for place, each in enumerate(deliveries, 1) if each.kind == APPENDED), default=0)
        return what.change == "not appended then" and difference.at >= stored

    def _close(self, loop: VirtualLoop, built: object) -> None:
        """Leave the actor's context; work in progress is cancelled, as at the end of a process."""
        self._is_over = True
        found = len(self._outcome.differences)
        for task in self._tasks:
            task.cancel()
        try:
            loop.finish(loop.create_task(built.__aexit__(None, None, None)))  # type: ignore[attr-defined]
        except Stuck as error:
            self._outcome.errors.append(str(error))
        del self._outcome.differences[found:]


async def _opened(work: Awaitable[Replayed]) -> Replayed:
    return await work
