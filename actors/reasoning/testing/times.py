"""The time of a conversation in a test: virtual with a scripted model, real with a real one."""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import datetime
from typing import Any, Protocol, TypeVar

from infra.log.clock import SteadyClock, now_ns, use_clock
from infra.process.virtual_loop import Stuck, VirtualLoop

T = TypeVar("T")

LOOK_S = 0.005
"""How long a conversation waits for its threads before it looks at the time."""
FASTER = 10
"""How much faster than real time virtual time goes on while a thread runs."""
_INSIDE_A_LOOP = (
    "a conversation runs an event loop of its own: call it from a plain `def test_…`, not from an `async def`"
)


class Time(Protocol):
    """Runs what happens in a conversation."""

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run it to its end and return its result."""

    def now_ns(self) -> int:
        """Return the conversation's time: Unix epoch ns."""

    def close(self) -> list[str]:
        """End what still runs; return the errors of tasks that nobody awaited."""


class VirtualTime:
    """Nothing waits: when all that is ready has run, the time is that of the next timer.

    Functions that are not asynchronous run at once; in threads only where they may wait for the loop (`with_threads`).
    """

    def __init__(self, begin: datetime, with_threads: bool = False) -> None:
        self._begin_ns = int(begin.timestamp() * 1e9)
        self._loop = _LoopWithThreads() if with_threads else VirtualLoop()
        self._context = copy_context()
        self._context.run(use_clock, SteadyClock(self.now_ns, self.now_ns))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """See Time. Raises AssertionError if it waits for something that never comes."""
        _refuse_inside_a_loop(work)
        return self._context.run(self._finish, work)

    def _finish(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            return self._loop.finish(self._loop.create_task(work))
        except Stuck:
            raise AssertionError(
                "the agent waits for something that never comes: a model or tool that hangs and has no time limit, or "
                "real input and output (a network, a thread), which there is not in virtual time"
            ) from None

    def now_ns(self) -> int:
        """See Time."""
        return self._begin_ns + int(self._loop.time() * 1e9)

    def close(self) -> list[str]:
        """See Time."""
        self._context.run(self._loop.end)
        return self._loop.errors


class _LoopWithThreads(VirtualLoop):
    """A virtual loop in which functions that are not asynchronous run in threads, as they do live.

    They may take their time, and may wait for the loop: while any runs, the time goes on by itself, only faster.
    """

    def __init__(self) -> None:
        super().__init__()
        self._threads = ThreadPoolExecutor(thread_name_prefix="conversation")
        self._running = 0
        self._woken = threading.Event()

    def run_in_executor(  # type: ignore[override]  # there is only one executor
        self, executor: Any, func: Callable[..., T], *args: Any
    ) -> "asyncio.Future[T]":
        """Run `func` in a thread."""
        self._running += 1
        future = asyncio.wrap_future(self._threads.submit(func, *args), loop=self)
        future.add_done_callback(self._is_back)
        return future

    def finish(self, task: "asyncio.Task[T]") -> T:
        """See VirtualLoop."""
        self.run_until_quiescent()
        while not task.done() and (self._running or self._next_timer_s() is not None):
            if self._running:
                self._let_threads_run()
            else:
                self.advance_to(self._next_timer_s() or 0)
        return super().finish(task)

    def end(self) -> None:
        """See VirtualLoop."""
        super().end()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _let_threads_run(self) -> None:
        begun_s = time.monotonic()
        self._woken.wait(LOOK_S)
        self._woken.clear()
        if self._running and not self._ready:
            self.advance_to(self.time() + (time.monotonic() - begun_s) * FASTER)
        self.run_until_quiescent()

    def _is_back(self, _: "asyncio.Future[Any]") -> None:
        self._running -= 1

    def _write_to_self(self) -> None:
        self._woken.set()


class RealTime:
    """An ordinary event loop: models and tools may use the network."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """See Time."""
        _refuse_inside_a_loop(work)
        return self._runner.run(work)

    def now_ns(self) -> int:
        """See Time."""
        return now_ns()

    def close(self) -> list[str]:
        """See Time."""
        self._runner.close()
        return []


def _refuse_inside_a_loop(work: Coroutine[Any, Any, Any]) -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    work.close()
    raise RuntimeError(_INSIDE_A_LOOP)
