"""The playback of a call's door in a replay: the real driver, handed what it took in then.

What the door sends to its client is not recorded, so it is not compared; `infra.replay.doors` has which of its facts
are.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NoReturn

from bridge.call.client_clock import ClientClock
from bridge.call.playback_driver import PlaybackDriver
from bridge.call.publisher import EventPublisher
from bridge.call.taped import (
    ATTACHED,
    BROKEN,
    CLOSED,
    DETACHED,
    FACT,
    FRAME,
    LEFT,
    MORE,
    PAST,
    REPORT,
    TICK,
    TYPED,
    FramePacking,
    ReportPacking,
    unpack_attached,
)
from bridge.call.tasks import Tasks
from bridge.playback.reply import Playing
from contracts import events as e
from infra.log.event_log import ExpectedSequence, Fact
from infra.log.taped_log import EventLog
from infra.replay.actors import Seat
from infra.replay.decided import DECIDED_AT, Place, deciding_places
from infra.tape.deliveries import Delivery


class _SilentLine:
    """Stands where the client was: what it is told is not recorded."""

    def __init__(self, clock: ClientClock, counts_played: bool) -> None:
        self.clock, self.counts_played = clock, counts_played

    def tell(self, message: dict[str, Any]) -> None:
        """Drop a message."""

    def sound(self, pcm: bytes) -> None:
        """Drop sound."""

    def fact(self, fact: Fact) -> None:
        """Drop a fact."""

    def refuse(self, code: str, message: str) -> None:
        """Drop a refusal."""

    def end(self) -> None:
        """Stay."""


class _PlacedLog:
    """The log of a replay, which is told where each event was decided: a door's events are appended by another task."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._places: dict[str, tuple[Place, ...]] = {}

    def note(self, event: e.Event) -> None:
        """Note the lines of code from which an event is handed over."""
        self._places[event.event_id] = deciding_places()

    async def append(self, event: e.Event, expected: ExpectedSequence | None = None, patience_s: float = 60) -> Fact:
        """See EventLog."""
        before = DECIDED_AT.set(self._places.pop(event.event_id, ()))
        try:
            return await self._log.append(event, expected, patience_s)
        finally:
            DECIDED_AT.reset(before)

    async def in_turn(self, event: e.Event) -> None:
        """See EventLog."""
        await self._log.in_turn(event)

    async def facts_after(
        self, session_id: str, after: int = 0, patience_s: float = 60, subjects: str = ""
    ) -> list[Fact]:
        """See EventLog."""
        return await self._log.facts_after(session_id, after, patience_s, subjects)


class ReplayedPlayback:
    """One door after another: each begins with `past`, as a call does that opens a session or takes it over."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._facts = {fact.sequence: fact for fact in seat.facts}
        self._left: Playing | None = None
        self._tasks = self._new_tasks()
        self._publisher, self._driver = self._new_driver()
        self._frames, self._reports = FramePacking(), ReportPacking()
        self._take: dict[str, Callable[[Any], None]] = {
            LEFT: self._on_left,
            FACT: self._on_fact,
            FRAME: self._on_frame,
            MORE: self._on_frame,
            REPORT: lambda payload: self._driver.played(self._reports.unpack(payload, seat.now_ns())),
            ATTACHED: self._on_attached,
            DETACHED: lambda _: self._driver.detach(),
            CLOSED: lambda reason: self._driver.close(reason),
            TYPED: lambda payload: self._driver.typed(*payload),
            TICK: lambda may_repair: self._driver.tick(may_repair),
            BROKEN: lambda reason: self._publisher.break_off(reason),
        }

    async def end(self) -> None:
        """End the tasks of the last door."""
        await self._tasks.end()

    def deliver(self, delivery: Delivery) -> Awaitable[None] | None:
        """Hand over what the door took in."""
        if delivery.kind == PAST:
            return self._begin(int(delivery.payload))
        if (take := self._take.get(delivery.kind)) is not None:
            take(delivery.payload)
        return None

    async def _begin(self, sequence: int) -> None:
        """Replace the door before by one that knows the facts up to a sequence."""
        left, self._left = self._left, None
        before, self._tasks = self._tasks, self._new_tasks()
        self._publisher, self._driver = self._new_driver()
        self._frames, self._reports = FramePacking(), ReportPacking()
        self._driver.replay([fact for fact in self._seat.facts if fact.sequence <= sequence], left)
        await before.end()

    def _new_tasks(self) -> Tasks:
        return Tasks(f"replay of {self._seat.session_id}")

    def _new_driver(self) -> tuple[EventPublisher, PlaybackDriver]:
        seat = self._seat
        tape = seat.tapes.of(seat.session_id)
        log = _PlacedLog(seat.log)
        publisher = EventPublisher(log, tape, lambda _: None)
        self._tasks.keep(publisher.run, "outbox")

        def put(event: e.Event) -> None:
            log.note(event)
            publisher.put(event)

        driver = PlaybackDriver(seat.session_id, tape, _nobody_is_asked, put, self._tasks, lambda _: None, seat.now_ns)
        return publisher, driver

    def _on_left(self, payload: Sequence[Any]) -> None:
        self._left = Playing(*payload)

    def _on_fact(self, sequence: int) -> None:
        if (fact := self._facts.get(sequence)) is not None:
            self._driver.take_fact(fact)

    def _on_frame(self, payload: Any) -> None:
        self._driver.take_frame(self._frames.unpack(payload))

    def _on_attached(self, payload: Any) -> None:
        counts_played, clock, held = unpack_attached(payload)
        self._driver.attach(_SilentLine(ClientClock(clock), counts_played), [], held)


async def _nobody_is_asked(clause: e.ReplyClauseWritten) -> NoReturn:
    raise AssertionError("the tape of a replay answers, and asks nobody")
