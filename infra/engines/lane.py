"""One lane in front of an engine for all sessions of a process: fair, the urgent first, and always bounded."""

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import count
from typing import Generic, TypeVar

from infra.process.tasks import own_cancellation_only

log = logging.getLogger(__name__)

T = TypeVar("T")

MAX_WAITING_S = 60.0
"""Most sound that may wait for one session; beyond it the oldest is dropped: words a minute late serve nobody."""

BEHIND_S = 1.5
"""With waits this long, the lane is behind real time: an ordinary run takes 0.1 to 0.5 s."""

CAUGHT_UP_S = 0.3
"""With waits this short for `BEHIND_S`, it has caught up."""


SPARE_RUNNING, SPARE_OVER_S = 0.4, 4.0
"""With fewer runs at work than this, on average over the last seconds, guesses that nothing needs cost nobody time."""


class Rank(IntEnum):
    """What goes first."""

    TURN = 0
    """Somebody has stopped speaking and waits for an answer."""
    PIECE = 1
    """The words count, but their speaker is still speaking."""
    INTERIM = 2
    """A guess that nothing depends on."""


class Overloaded(RuntimeError):
    """The run was given up because too much other sound of its session was waiting."""


@dataclass(slots=True, eq=False)
class Run(Generic[T]):
    """One run: `result` completes with it, or fails with the work's exception or Overloaded."""

    session_id: str
    rank: Rank
    seconds: float
    work: Callable[[], Awaitable[T]]
    result: "asyncio.Future[T]"
    arrival: int
    since: float
    started: bool = False


@dataclass(slots=True)
class Lane(Generic[T]):
    """Runs at most `workers` at a time; waiting runs go by rank, then by the session served longest ago.

    With several workers one is kept free of interims, so that a started guess never delays what counts.
    """

    workers: int = 2
    clock: Callable[[], float] = time.monotonic
    _waiting: list[Run[T]] = field(default_factory=list)
    _running: dict["asyncio.Task[None]", Run[T]] = field(default_factory=dict)
    _served: dict[str, int] = field(default_factory=dict)
    _order: "count[int]" = field(default_factory=count)
    _behind_since: float | None = None
    _calm_since: float | None = None
    _mean_running: float = 0.0
    _mean_at: float | None = None

    def submit(self, session_id: str, rank: Rank, seconds: float, work: Callable[[], Awaitable[T]]) -> Run[T]:
        """Queue `work` over `seconds` of sound. Call it within the event loop."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        run = Run(session_id, rank, seconds, work, future, next(self._order), self.clock())
        self._waiting.append(run)
        self._give_up_oldest(session_id)
        self._start_next()
        return run

    def drop(self, run: Run[T]) -> None:
        """Drop a run that another one replaces, if it has not started."""
        if not run.started and run in self._waiting:
            self._waiting.remove(run)
        run.result.cancel()

    @property
    def has_room(self) -> bool:
        """Whether an interim would start at once, and nothing that counts is kept waiting."""
        return not self._waiting and self._may_start(Rank.INTERIM) and self._behind_since is None

    @property
    def is_spare(self) -> bool:
        """Whether hardly anything has been running lately."""
        self._note_running()
        return self._mean_running < SPARE_RUNNING

    def waited_s(self) -> float:
        """Return how long the oldest run whose words count has been waiting."""
        if not self._waiting:
            return 0.0
        now = self.clock()
        return max((now - run.since for run in self._waiting if run.rank is not Rank.INTERIM), default=0.0)

    def behind(self) -> bool:
        """Return whether recognition is behind real time. It stays so until waits have been short for a while."""
        if self._behind_since is None and not self._waiting:
            return False
        now, waited_s = self.clock(), self.waited_s()
        if self._behind_since is None:
            if waited_s >= BEHIND_S:
                self._behind_since, self._calm_since = now, None
        elif waited_s > CAUGHT_UP_S:
            self._calm_since = None
        elif self._calm_since is None:
            self._calm_since = now
        elif now - self._calm_since >= BEHIND_S:
            self._behind_since = None
        return self._behind_since is not None

    async def aclose(self) -> None:
        """Cancel what waits and what runs."""
        for run in self._waiting:
            run.result.cancel()
        self._waiting.clear()
        tasks = list(self._running)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=2)

    def _note_running(self) -> None:
        """Follow the mean number of runs at work; call it before that number changes."""
        now = self.clock()
        passed_s = now - self._mean_at if self._mean_at is not None else 0.0
        self._mean_running += (len(self._running) - self._mean_running) * (1 - math.exp(-passed_s / SPARE_OVER_S))
        self._mean_at = now

    def _may_start(self, rank: Rank) -> bool:
        if len(self._running) >= self.workers:
            return False
        interims = sum(run.rank is Rank.INTERIM for run in self._running.values())
        return rank is not Rank.INTERIM or self.workers == 1 or interims < self.workers - 1

    def _start_next(self) -> None:
        while self._waiting:
            run = min(self._waiting, key=lambda run: (run.rank, self._served.get(run.session_id, -1), run.arrival))
            if not self._may_start(run.rank):
                return
            self._waiting.remove(run)
            run.started = True
            self._note_served(run.session_id)
            self._note_running()
            task = asyncio.create_task(self._do(run), name=f"recognition for {run.session_id}")
            self._running[task] = run
            task.add_done_callback(self._ended)

    def _note_served(self, session_id: str) -> None:
        self._served.pop(session_id, None)
        self._served[session_id] = next(self._order)
        if len(self._served) > 10_000:
            del self._served[next(iter(self._served))]

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._note_running()
        run = self._running.pop(task)
        if not run.result.done():
            run.result.cancel()
        if not task.get_loop().is_closed():
            self._start_next()

    async def _do(self, run: Run[T]) -> None:
        try:
            with own_cancellation_only():
                value = await run.work()
        except Exception as error:  # whatever the work raises is passed to its caller
            if not run.result.done():
                run.result.set_exception(error)
                run.result.exception()  # the result is read later, or never
        else:
            if not run.result.done():
                run.result.set_result(value)

    def _give_up_oldest(self, session_id: str) -> None:
        own = [run for run in self._waiting if run.session_id == session_id]
        waiting_s = sum(run.seconds for run in own)
        for run in own[:-1]:
            if waiting_s <= MAX_WAITING_S:
                return
            waiting_s -= run.seconds
            self._waiting.remove(run)
            if not run.result.done():
                run.result.set_exception(Overloaded(f"{waiting_s:.0f} s of its session wait for recognition"))
                run.result.exception()
