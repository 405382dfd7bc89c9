"""An event loop in which nothing happens by itself: no threads, no sockets, and time moves only when it is told to."""

import asyncio
import math
from asyncio import base_events
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

T = TypeVar("T")

SAME_INSTANT_S = 1e-9


class Stuck(RuntimeError):
    """A task that should have ended waits for something that never comes."""


class _NothingSelected(Protocol):
    def select(self, timeout: float | None) -> list[Any]: ...


class _NoSelector:
    """Stands where the loop expects its sockets: there are none."""

    def select(self, timeout: float | None) -> list[Any]:
        return []


class VirtualLoop(base_events.BaseEventLoop):
    """Runs what is ready until nothing is; timers fire when `advance_to` reaches them.

    `run_in_executor` runs the function at once, in this thread. `time()` is in seconds and starts at `at_s`.
    `errors` are those of tasks that nobody awaits: they are for the report, not for the log file of a command. `turns`
    counts how often it has run what was ready.
    """

    _ready: deque[asyncio.Handle]
    _scheduled: list[asyncio.TimerHandle]
    _selector: _NothingSelected

    def __init__(self, at_s: float = 0.0) -> None:
        super().__init__()
        self._selector = _NoSelector()
        self._clock_resolution = SAME_INSTANT_S
        self._at_s = at_s
        self._turns_left = math.inf
        self.turns = 0
        self.errors: list[str] = []
        self.set_exception_handler(_note)

    def time(self) -> float:
        """Return the virtual time in seconds."""
        return self._at_s

    def run_until_quiescent(self, most_turns: float = math.inf) -> None:
        """Run callbacks until none is ready, or for so many turns; timers that are due at this instant are ready."""
        if most_turns <= 0:
            return
        self._due_now()
        self._turns_left = most_turns
        self.run_forever()

    def advance_to(self, at_s: float) -> None:
        """Let time pass until `at_s`: each timer on the way fires at its own time, and what it leads to is run."""
        self.run_until_quiescent()
        while (next_s := self._next_timer_s()) is not None and next_s <= at_s:
            self._at_s = max(self._at_s, next_s)
            self.run_until_quiescent()
        self._at_s = max(self._at_s, at_s)

    def move_to(self, at_s: float) -> None:
        """Let time pass until `at_s` without running anything: what is ready waits."""
        self._at_s = max(self._at_s, at_s)

    def finish(self, task: "asyncio.Task[T]") -> T:
        """Run until a task has ended, and return its result or raise its error; timers fire at once.

        Raises Stuck if the task waits for something else.
        """
        self.run_until_quiescent()
        while not task.done():
            next_s = self._next_timer_s()
            if next_s is None:
                raise Stuck(f"{task.get_name()} waits for something that never comes")
            self.advance_to(next_s)
        return task.result()

    def end(self) -> None:
        """Cancel all tasks, run what that leads to, and close. Work that refuses to be cancelled is dropped."""
        tasks = asyncio.all_tasks(self)
        for task in tasks:
            task.cancel()
        self.run_until_quiescent()
        for task in tasks:
            if task.done() and not task.cancelled():
                task.exception()  # it has been retrieved: not a message on stderr
        self.finish(self.create_task(self.shutdown_asyncgens()))
        self.close()

    def run_in_executor(  # type: ignore[override]  # there is no thread in which it could run later
        self, executor: Any, func: Callable[..., T], *args: Any
    ) -> "asyncio.Future[T]":
        """Run `func` at once and return a future that is done."""
        future: asyncio.Future[T] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # it belongs to whoever awaits the future
            future.set_exception(error)
        return future

    def _run_once(self) -> None:
        if self._ready:
            super()._run_once()  # type: ignore[misc]
            self.turns += 1
            self._turns_left -= 1
        if not self._ready or self._turns_left <= 0:
            self.stop()

    def _due_now(self) -> None:
        """Let `run_forever` see timers that are due although no callback is ready."""
        next_s = self._next_timer_s()
        if next_s is not None and next_s <= self._at_s and not self._ready:
            self.call_soon(lambda: None)

    def _next_timer_s(self) -> float | None:
        timers = self._scheduled  # a heap, by time
        if timers and not timers[0].cancelled():
            return timers[0].when()
        return min((timer.when() for timer in timers if not timer.cancelled()), default=None)

    def _process_events(self, event_list: list[Any]) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """Nobody sleeps who would have to be woken."""


def _note(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    error = context.get("exception")
    assert isinstance(loop, VirtualLoop)
    loop.errors.append(f"{type(error).__name__}: {error}" if error is not None else str(context["message"]))
