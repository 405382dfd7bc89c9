"""A tape that was recorded: it serves what was written then, when the schedule says so, and reports what differs.

The code that runs is the same as live. What it asks of engines is not asked again: it waits until the recorded answer
is delivered (`serve`). A request that was not made then, was made otherwise, or is not made now, is a difference.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from infra.tape.deliveries import ANSWER, ASKED, END, FAILED, PART, Delivery, digest_of
from infra.tape.tape import AS_IT_IS, Packing, Plain, Tape

T = TypeVar("T")

SERVED = (ASKED, ANSWER, PART, END, FAILED)
"""Kinds of deliveries that a tape serves itself."""

RequestChange = Literal["not asked then", "asked otherwise", "not asked now"]


class RecordedError(Exception):
    """What an engine raised then; the text begins with the name of its class."""


class WrongSession(LookupError):
    """A replay of one session asked for the tape of another."""


@dataclass(frozen=True, slots=True)
class RequestDifference:
    """A request that differs from the record; `parts` are the parts of it that differ, if it is a map.

    `request` is what is asked now, None if it is not asked now.
    """

    change: RequestChange
    kind: str
    key: str
    parts: tuple[str, ...] = ()
    request: Plain = None


OnDifference = Callable[[RequestDifference], None]


class _Request:
    """A request that the code makes now. `number` is the recorded one's, -1 if it was not made then.

    `late` is what was delivered before the code asked: a difference that is reported, and then the replay goes on.
    """

    def __init__(self, number: int, late: deque[Delivery], difference: RequestDifference | None = None) -> None:
        self.number = number
        self.difference = difference
        self.waiting: asyncio.Future[Delivery] | None = None
        self._late = late

    async def delivery(self) -> Delivery:
        """Wait for the next thing that the tape has for this request."""
        if self._late:
            return self._late.popleft()
        self.waiting = asyncio.get_running_loop().create_future()
        try:
            return await self.waiting
        finally:
            self.waiting = None


class RecordedTape:
    """The tape of one stretch: `deliveries` from its beginning, `basis` what had been taken in before.

    A request that is cancelled before it is answered is as good as one that is not made: `on_withdrawn` gets the
    difference that was reported of it. Live, the code may have been cancelled a moment before it asked.
    """

    def __init__(
        self,
        deliveries: Iterable[Delivery],
        basis: int,
        on_difference: OnDifference,
        on_withdrawn: OnDifference = lambda difference: None,
    ) -> None:
        self.basis = basis
        self._on_withdrawn = on_withdrawn
        self._asked_then: set[int] = set()
        self._on_difference = on_difference
        self._made: dict[int, tuple[str, str, Any]] = {}
        self._unasked: dict[tuple[str, str], deque[int]] = defaultdict(deque)
        for delivery in deliveries:
            if delivery.kind == ASKED:
                number, kind, key, digest = delivery.payload
                self._made[number] = (kind, key, digest)
                self._unasked[kind, key].append(number)
        self._open: dict[int, _Request] = {}
        self._late: dict[int, deque[Delivery]] = defaultdict(deque)
        self._reported: set[int] = set()

    def took(self, kind: str, payload: Plain = None, at_ns: int | None = None) -> None:
        """Nothing is noted: the schedule hands over what was taken then."""

    def took_fact(self, kind: str, sequence: int, at_ns: int | None = None, of: tuple[Plain, ...] = ()) -> None:
        """Move `basis`."""
        self.basis = max(self.basis, sequence)

    def working(self) -> AbstractContextManager[None]:
        """Nothing is noted."""
        return nullcontext()

    def turn_is_over(self) -> None:
        """Nothing is written."""

    async def result(
        self, kind: str, key: str, request: Plain, ask: Callable[[], Awaitable[T]], packing: Packing[T] = AS_IT_IS
    ) -> T:
        """Return the recorded answer, or raise the recorded error, once it is delivered."""
        with self._asking(kind, key, request) as asked:
            delivery = await asked.delivery()
        if delivery.kind == FAILED:
            raise _error(delivery, packing)
        return packing.unpack(delivery.payload[1])

    async def parts(
        self, kind: str, key: str, request: Plain, ask: Callable[[], AsyncIterator[T]], packing: Packing[T] = AS_IT_IS
    ) -> AsyncGenerator[T, None]:
        """Yield the recorded pieces, each once it is delivered."""
        with self._asking(kind, key, request) as asked:
            while (delivery := await asked.delivery()).kind == PART:
                yield packing.unpack(delivery.payload[1])
        if delivery.kind == FAILED:
            raise _error(delivery, packing)

    def serve(self, delivery: Delivery) -> None:
        """Hand over what an engine answered then. Whoever asked must be waiting for it, as it was then."""
        number = delivery.payload[0]
        if delivery.kind == ASKED:
            self._asked_then.add(number)
            return
        asked = self._open.get(number)
        if asked is not None and asked.waiting is not None and not asked.waiting.done():
            asked.waiting.set_result(delivery)
        else:
            self._late[number].append(delivery)
            self._not_asked(number)

    def check_end(self) -> None:
        """Report the requests that were made then and not now; call it when everything is delivered."""
        for numbers in self._unasked.values():
            for number in numbers:
                self._not_asked(number)

    @contextmanager
    def _asking(self, kind: str, key: str, request: Plain) -> Iterator[_Request]:
        """Yield the request while its answer is awaited; take it back if that is cancelled."""
        asked = self._request(kind, key, request)
        try:
            yield asked
        except asyncio.CancelledError:
            self._withdraw(kind, key, asked)
            raise
        finally:
            self._open.pop(asked.number, None)

    def _request(self, kind: str, key: str, request: Plain) -> _Request:
        """Note that the code asks; compare it with what was asked then."""
        numbers = self._unasked[kind, key]
        if not numbers:
            unknown = RequestDifference("not asked then", kind, key, (), request)
            self._on_difference(unknown)
            return _Request(-1, deque(), unknown)
        number, difference = numbers.popleft(), None
        then, now = self._made[number][2], digest_of(request)
        if then != now:
            difference = RequestDifference("asked otherwise", kind, key, _parts(then, now), request)
            self._on_difference(difference)
        asked = self._open[number] = _Request(number, self._late[number], difference)
        return asked

    def _withdraw(self, kind: str, key: str, asked: _Request) -> None:
        """Take a request back that was cancelled before the record has it."""
        if asked.number in self._asked_then:
            return
        if asked.number >= 0:
            self._unasked[kind, key].appendleft(asked.number)
        if asked.difference is not None:
            self._on_withdrawn(asked.difference)

    def _not_asked(self, number: int) -> None:
        """Report a recorded request once, however many pieces of its answer are left."""
        if number in self._reported or number not in self._made:
            return  # one that is not on the tape was made before this stretch
        self._reported.add(number)
        kind, key, _ = self._made[number]
        self._on_difference(RequestDifference("not asked now", kind, key))


class RecordedTapes:
    """The tapes of one copy of an actor in a replay: the one of the session that is replayed."""

    def __init__(self, instance: str, session_id: str, tape: RecordedTape) -> None:
        self.instance = instance
        self._session_id = session_id
        self._tape = tape

    def of(self, session_id: str) -> Tape:
        """Return the session's tape. Raises WrongSession for any other."""
        if session_id != self._session_id:
            raise WrongSession(f"a replay of {self._session_id} has no tape of {session_id}")
        return self._tape


def _parts(then: Any, now: Any) -> tuple[str, ...]:
    if not isinstance(then, dict) or not isinstance(now, dict):
        return ()
    return tuple(key for key in dict.fromkeys([*then, *now]) if then.get(key) != now.get(key))


def _error(delivery: Delivery, packing: Packing[Any]) -> Exception:
    """Return the recorded error: of its own class if the code tells it apart."""
    _, name, text = delivery.payload
    for known in packing.errors:
        if known.__name__ == name:
            error = known.__new__(known, text)  # some classes want more than a text; the code reads only this one
            error.args = (text,)
            return error
    return RecordedError(f"{name}: {text}")
