"""The actors that a replay can run again: for each the function that builds it where a record stands for the world."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from contracts.events import Event
from infra.log.event_log import Fact
from infra.log.handlers import EventHandlers
from infra.log.inbox import Job
from infra.log.taped_log import EventLog
from infra.process.tasks import ended
from infra.tape.deliveries import HANDLED, LIVE, Delivery
from infra.tape.handling import within
from infra.tape.tape import Tapes


@dataclass(frozen=True, slots=True)
class Seat:
    """What an actor is given in a replay in place of NATS, engines and the clock.

    `facts` are all facts of the session, `first` the sequence up to which the copy had taken in when the stretch
    begins (0 at its start); `now_ns` is the time at which the present delivery was noted.
    """

    session_id: str
    facts: Sequence[Fact]
    first: int
    log: EventLog
    tapes: Tapes
    now_ns: Callable[[], int]

    def fact(self, sequence: int) -> Fact | None:
        """Return a fact by its place in the log; None if this build cannot read it or it is gone."""
        return next((fact for fact in self.facts if fact.sequence == sequence), None)


class Replayed(Protocol):
    """An actor that runs in a replay."""

    def deliver(self, delivery: Delivery) -> Awaitable[None] | None:
        """Hand a delivery to the code. What it returns is awaited in a task of its own."""


Build = Callable[[Seat], AbstractAsyncContextManager[Replayed]]
"""Builds an actor for one stretch; it is entered in the replay's event loop and left when the stretch is over."""


class HandlersReplayed:
    """An actor that takes facts by its handlers only: those of its inbox and those of a plain subscription."""

    def __init__(self, seat: Seat, inbox: EventHandlers[Any], live: EventHandlers[None] | None = None) -> None:
        self._seat = seat
        self._handlers = {HANDLED: inbox, LIVE: live}

    def deliver(self, delivery: Delivery) -> Awaitable[None] | None:
        """Call the handler of a fact."""
        handlers: EventHandlers[Any] | None = self._handlers.get(delivery.kind)
        fact = self._seat.fact(int(delivery.payload)) if handlers is not None else None
        if handlers is None or fact is None:
            return None
        return _handled(handlers, fact)


async def _handled(handlers: EventHandlers[Any], fact: Fact) -> None:
    with within(fact.sequence):
        rest: Job | None = await handlers.handle(fact.event)
    if rest is None:
        return
    try:
        await rest
    finally:
        await ended(rest)


def _everything(_event: Event) -> bool:
    return True


def _nothing(_event: Event) -> bool:
    return False


def _lacks_nothing(_facts: Sequence[Fact]) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class ReplayedActor:
    """An actor of a replay: how it is built, and which of the facts that it appends it decides.

    What it only passes on (who came and went) is given in a replay, not compared. Of events that are exact measured
    fields are compared too: an actor whose every time is on its tape comes to the same times.
    """

    build: Build
    decides: Callable[[Event], bool] = _everything
    is_exact: Callable[[Event], bool] = _nothing
    lacks: Callable[[Sequence[Fact]], str] = _lacks_nothing
    """Returns what is missing here without which a session cannot be run again, and what to do; empty if nothing is."""
