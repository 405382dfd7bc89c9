"""Reads of the log in a replay: each ends where the same read ended then, at the moment when the record says so."""

import asyncio
from collections import Counter, defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from contracts.topology import subject_of
from infra.log.event_log import Fact, LogUnavailable
from infra.log.subject_filter import is_on
from infra.log.taped_log import GIVEN_UP, OVERTAKING, READ, UNREAD, which_read
from infra.tape.deliveries import Delivery
from infra.tape.recorded import RecordedTape
from infra.tape.tape import Plain

CAME_TO = (READ, UNREAD, GIVEN_UP)
"""Kinds of what a read came to."""

SERVED = (*CAME_TO, OVERTAKING)
"""Kinds of deliveries that are served here."""

Which = tuple[Plain, ...]
"""Which read an answer is for: what `which_read` returns, or what an older tape has of it (who reads, or nothing).

Of several reads that are alike it is the one that was begun first, or as many later as it has overtaken.
"""


@dataclass(slots=True, eq=False)
class _Read:
    after: int
    subjects: str
    which: tuple[Plain, str]
    facts: "asyncio.Future[list[Fact]]"


class RecordedReads:
    """The reads of one copy of an actor in one stretch of its tape.

    `facts` are all of the session's; `has_all_reads`: the deliveries tell of each read that was begun then.
    """

    def __init__(
        self, facts: Sequence[Fact], deliveries: Sequence[Delivery], tape: RecordedTape, has_all_reads: bool
    ) -> None:
        self._facts = facts
        self._by_sequence = {fact.sequence: fact for fact in facts}
        self._tape = tape
        self._has_all_reads = has_all_reads
        self._waiting: list[_Read] = []
        self._early: defaultdict[Which, deque[int | LogUnavailable]] = defaultdict(deque)
        """Answers that come before the read that they are for: live, the code was quicker."""
        self._overtaken = 0
        self._left = Counter[Which]()
        """How many reads of each kind were begun then and are not now yet."""
        self._answers_left: dict[Plain, deque[Any]] = {}
        """For each reader, where its next reads ended, on a tape that does not say what was read."""
        for came_to, which in (_read_of(each) for each in deliveries if each.kind in CAME_TO):
            self._left[which] += 1
            if len(which) == 1:
                self._answers_left.setdefault(which[0], deque()).append(came_to)

    async def facts_after(self, session_id: str, after: int, subjects: str) -> list[Fact]:
        """Return what the log had then. A read that was not made then returns at once what is known by now."""
        which = which_read(session_id, subjects)
        read = _Read(after, subjects, which, asyncio.get_running_loop().create_future())
        is_new = self._is_new(read)
        self._left[which] -= 1
        self._waiting.append(read)
        if is_new:
            self._return(read, self._tape.basis)
        elif early := (self._early[which] or self._early[which[:1]]):
            self._answer(read, early.popleft())
        try:
            return await read.facts
        finally:
            if read in self._waiting:
                self._waiting.remove(read)

    def serve(self, delivery: Delivery) -> None:
        """Let a read return, as it did then; one that was given up is cancelled by what cancelled it then."""
        if delivery.kind == OVERTAKING:
            self._overtaken = int(delivery.payload)
            return
        came_to, which = _read_of(delivery)
        if delivery.kind == READ:
            self._tape.took_fact(READ, came_to)
            self._serve(came_to, which)
        elif delivery.kind == UNREAD:
            self._serve(LogUnavailable(f"the log could not be read: {came_to}"), which)

    def _is_new(self, read: _Read) -> bool:
        """Return whether the record tells that a read was not made then.

        A tape that does not say what was read tells it only if the reader's next read ended at a fact that is not on
        these subjects, or if there was none.
        """
        if self._has_all_reads:
            return self._left[read.which] <= 0
        of, what = read.which
        left = self._answers_left.get(of)
        if not what or left is None or any(other.which[0] == of for other in self._waiting):
            return False
        return not left or not self._may_end_at(read, left[0])

    def _may_end_at(self, read: _Read, last: Any) -> bool:
        fact = self._by_sequence.get(last)
        return last == read.after or fact is None or is_on(subject_of(fact.event), read.subjects)

    def _serve(self, answer: int | LogUnavailable, which: Which) -> None:
        """Let the read return that an answer is for: facts up to a sequence, or an error."""
        place, self._overtaken = self._overtaken, 0
        waiting = [read for read in self._waiting if read.which[: len(which)] == which]
        if place < len(waiting):
            self._answer(waiting[place], answer)
        elif which:
            self._early[which].append(answer)

    def _answer(self, read: _Read, answer: int | LogUnavailable) -> None:
        if left := self._answers_left.get(read.which[0]):
            left.popleft()
        self._return(read, answer)

    def _return(self, read: _Read, answer: int | LogUnavailable) -> None:
        self._waiting.remove(read)
        if read.facts.done():  # it is no longer waited for
            return
        if isinstance(answer, LogUnavailable):
            read.facts.set_exception(answer)
            return
        known = [fact for fact in self._facts if read.after < fact.sequence <= answer]
        read.facts.set_result([fact for fact in known if is_on(subject_of(fact.event), read.subjects)])


def _read_of(delivery: Delivery) -> tuple[Any, Which]:
    """Return what a read came to (None if it was given up), and which it is."""
    if delivery.kind == GIVEN_UP:
        return None, tuple(delivery.payload)
    if not isinstance(delivery.payload, list):
        return delivery.payload, ()
    came_to, *which = delivery.payload
    return came_to, tuple(which)
