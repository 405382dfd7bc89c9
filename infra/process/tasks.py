"""Ends tasks reliably, and distinguishes a requested cancellation from an unrequested one."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

log = logging.getLogger(__name__)

TRIES = 3

T = TypeVar("T")


class CancelledElsewhere(RuntimeError):
    """Something that was awaited was cancelled although nobody asked the awaiting task to stop: a failure."""


async def ended(*tasks: "asyncio.Future[Any]") -> None:
    """Cancel tasks and wait until they end; repeat if one misses the cancellation."""
    while left := [task for task in tasks if not task.done()]:
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=0.5)


def result_or_none(work: "asyncio.Future[T]") -> T | None:
    """Return what came of work whose failure does not matter; None if it is not over, has failed or was cancelled."""
    if not work.done() or work.cancelled() or work.exception() is not None:
        return None
    return work.result()


def is_being_stopped() -> bool:
    """Return whether somebody has asked the running task to stop."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


@contextmanager
def own_cancellation_only() -> Iterator[None]:
    """Let a CancelledError pass only if somebody asked this task to stop; raise CancelledElsewhere otherwise.

    A future that something else cancelled (an executor that was shut down, a library that ended its own task)
    raises the same CancelledError as a task that must stop, and `except Exception` catches neither.
    """
    try:
        yield
    except asyncio.CancelledError as error:
        if is_being_stopped():
            raise
        raise CancelledElsewhere("what was waited for was cancelled by something else") from error


async def again_and_again(work: Callable[[], Awaitable[None]], what: str) -> None:
    """Do `work` until this task is stopped, also after something else is cancelled within it; `what` names it."""
    while True:
        try:
            with own_cancellation_only():
                await work()
        except CancelledElsewhere as error:
            log.debug("%s: %s", what, error)


async def surely(make: Callable[[], Awaitable[None]], what: str) -> None:
    """Await the result of `make`, again if something else is cancelled within it, TRIES times in all; `what` names it.

    For work at the end of a process, which nobody would do later.
    """
    for _ in range(TRIES):
        try:
            with own_cancellation_only():
                await make()
            return
        except CancelledElsewhere as error:
            log.error("%s: %s", what, error)


@contextmanager
def cancellation_kept() -> Iterator[None]:
    """Raise the CancelledError that an await within has swallowed, whether it then returned or raised.

    In Python 3.11 `asyncio.wait_for`, with which nats-py waits for answers, loses a cancellation if the answer (or an
    error in its place) arrives at the same moment; the task would continue as if it had not been cancelled. `ended`
    cancels once more, but that does not reach the children of a TaskGroup: it cancels each of them only once.
    """
    task = asyncio.current_task()
    asked = task.cancelling() if task is not None else 0
    try:
        yield
    except Exception as error:
        if task is not None and task.cancelling() > asked:
            raise asyncio.CancelledError from error
        raise
    if task is not None and task.cancelling() > asked:
        raise asyncio.CancelledError
